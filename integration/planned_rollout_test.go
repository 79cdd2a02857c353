package integration

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestPlannedRollouts plays what can come between a plan and twelve real hosts, as
// their administrator has it: the program, what it says, and how it exits. Each
// story has packages of its own; the last one takes the repository down.
func TestPlannedRollouts(t *testing.T) {
	t.Parallel()
	f := bootedFleet(t, lab.Options{Count: 12, Suites: []string{lab.Bookworm, lab.Trixie}})
	for _, story := range []struct {
		name string
		play func(f *fleet)
	}{
		{"three hosts differ", threeDiffer},
		{"changed at the question", changedAtQuestion},
		{"published in the pause", publishedInPause},
		{"changed in the pause", changedInPause},
		{"dependencies that conflict", dependenciesConflict},
		{"hold", holdByName},
		{"removal", removalByName},
		{"suites with pins", pinsByHost},
		{"back without the repository", backWithoutRepository},
	} {
		t.Run(strings.ReplaceAll(story.name, " ", "-"), func(t *testing.T) { story.play(f.with(t)) })
	}
}

// says runs the program with the words of a line, and wants an exit status and
// all these words from it.
func (f *fleet) says(status int, line string, words ...string) {
	f.t.Helper()
	p := f.start(strings.Fields(line)...)
	<-p.ended
	said := p.out.String() + p.errs.String()
	if got := p.ProcessState.ExitCode(); got != status {
		f.t.Errorf("aptfleet %s exits with %d, want %d:\n%s", line, got, status, said)
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			f.t.Errorf("aptfleet %s does not say %q:\n%s", line, w, said)
		}
	}
}

// everywhere returns a version for each host: another one for some, by number.
func (f *fleet) everywhere(version string, other map[int]string) []string {
	all := slices.Repeat([]string{version}, len(f.lab.Hosts()))
	for number, v := range other {
		all[number-1] = v
	}
	return all
}

// threeDiffer: three hosts have an older version. The plan shows both groups, and
// all twelve end at what it said.
func threeDiffer(f *fleet) {
	f.publish(shop{name: "differ", version: "1"}, shop{name: "differ-lib", version: "5"},
		shop{name: "differ", version: "2", depends: []string{"differ-lib"}})
	for _, n := range []int{3, 7, 11} {
		f.now(f.host(n), "differ=1")
	}
	groups := []string{
		"9 hosts: web1, web2, web4, web5, web6, web8, and 3 more\n  differ 2 (new)\n  differ-lib 5 (new)\n",
		"3 hosts: web3, web7, web11\n  differ 1 -> 2\n  differ-lib 5 (new)\n",
	}
	f.says(0, "plan differ --to "+group, groups...)
	f.have("differ", f.everywhere("", map[int]string{3: "1", 7: "1", 11: "1"})...)
	f.says(0, "rollout differ --yes --to "+group, groups...)
	f.have("differ", f.everywhere("2", nil)...)
	f.have("differ-lib", f.everywhere("5", nil)...)
	for _, h := range f.do("status").end(f.t).Hosts {
		before := ""
		if slices.Contains([]string{"web3", "web7", "web11"}, h.Host) {
			before = "1"
		}
		if h.Verdict != "done" || h.Before["differ"] != before || h.After["differ"] != "2" || h.After["differ-lib"] != "5" {
			f.t.Errorf("the journal has %+v", h)
		}
	}
}

// changedAtQuestion: while a person reads the plan a newer version is published, and
// one host has it installed. What was read is what the others get, once the person
// says so, and that host is left alone.
func changedAtQuestion(f *fleet) {
	f.publish(shop{name: "asked", version: "1"}, shop{name: "asked", version: "2"})
	f.now(f.host(5), "asked=1")
	p, keyboard := f.onTerminal("rollout", "asked", "--max-failures", "1", "--to", group)
	p.says(f, "asked changes 12 hosts. Type their number")
	f.publish(shop{name: "asked", version: "3"})
	f.now(f.host(5), "asked")
	f.exec(f.host(8), "apt-get", "-qq", "update")
	_, err := io.WriteString(keyboard, "12\n")
	f.must(err)
	<-p.ended
	if status := p.ProcessState.ExitCode(); status != 3 || !strings.Contains(p.out.String(), "asked is 3, and was 1") {
		f.t.Errorf("it exits with %d, want 3 and what has changed:\n%s", status, p.out.String())
	}
	f.have("asked", f.everywhere("2", map[int]string{5: "3"})...)
	f.summed(map[string]int{"done": 11, "failed": 1})
}

// publishedInPause: while half of the hosts wait for a person, newer versions are
// published and get into their lists. They get what was planned, and what the
// first half has.
func publishedInPause(f *fleet) {
	f.publish(shop{name: "frozen-lib", version: "1"}, shop{name: "frozen", version: "1", depends: []string{"frozen-lib"}})
	f.says(4, "rollout frozen --yes --batches 50% --pause manual --to "+group, "goes on")
	f.publish(shop{name: "frozen-lib", version: "2"}, shop{name: "frozen", version: "2", depends: []string{"frozen-lib"}})
	for _, h := range f.lab.Hosts()[6:] {
		f.exec(h, "apt-get", "-qq", "update")
	}
	f.says(0, "continue "+f.newest())
	f.have("frozen", f.everywhere("1", nil)...)
	f.have("frozen-lib", f.everywhere("1", nil)...)
}

// newest returns the name of the newest rollout.
func (f *fleet) newest() string {
	f.t.Helper()
	return f.do("status").end(f.t).ID
}

// changedInPause: somebody installs another version on a host whose batch has not
// begun. That host is refused by what has changed there; the policy says what
// becomes of those after it.
func changedInPause(f *fleet) {
	const drift = "moved is 2, and was 1"
	f.publish(shop{name: "moved", version: "1"}, shop{name: "moved", version: "2"}, shop{name: "moved", version: "3"})
	f.says(0, "rollout moved=1 --yes --to "+group)

	f.says(4, "rollout moved=3 --yes --batches 1 --pause manual --max-failures 0 --to "+group)
	f.now(f.host(2), "moved=2")
	f.says(4, "continue "+f.newest(), drift)
	f.have("moved", f.everywhere("1", map[int]string{1: "3", 2: "2"})...)
	f.summed(map[string]int{"done": 1, "failed": 1, "not_started": 10})

	f.says(4, "rollout moved=3 --yes --batches 50%,100% --pause manual --max-failures 1 --to "+group)
	f.now(f.host(10), "moved=2")
	f.says(3, "continue "+f.newest(), drift)
	f.have("moved", f.everywhere("3", map[int]string{10: "2"})...)
	f.summed(map[string]int{"done": 11, "failed": 1})

	f.exec(f.host(10), "apt-get", "-qq", "-y", "--allow-downgrades", "install", "moved=1")
	f.says(0, "retry "+f.newest())
	f.have("moved", f.everywhere("3", nil)...)
}

// pinsByHost: two suites have versions of a package, and three hosts are pinned to
// one of them. Each gets the version that its own pins choose, now and when both
// suites have a newer one.
func pinsByHost(f *fleet) {
	const pins = "/etc/apt/preferences.d/story"
	for _, n := range []int{2, 6, 9} {
		f.put(f.host(n), pins, "Package: pinned\nPin: release a=stable\nPin-Priority: 900\n")
		defer os.Remove(f.host(n).Path(pins))
	}
	const first, second = "9 hosts: web1, web3, web4, web5, web7, web8, and 3 more\n  pinned ", "3 hosts: web2, web6, web9\n  pinned "
	for _, v := range []struct{ nightly, stable, others, theirs string }{{"2", "1", "2 (new)\n", "1 (new)\n"}, {"4", "3", "2 -> 4\n", "1 -> 3\n"}} {
		f.publishTo("nightly", shop{name: "pinned", version: v.nightly})
		f.publish(shop{name: "pinned", version: v.stable})
		f.says(0, "rollout pinned --yes --to "+group, first+v.others, second+v.theirs)
		f.have("pinned", f.everywhere(v.nightly, map[int]string{2: v.stable, 6: v.stable, 9: v.stable})...)
		f.summed(map[string]int{"done": 12})
	}
}

// summed wants the newest rollout to count hosts so; what is not named is none.
func (f *fleet) summed(want map[string]int) {
	f.t.Helper()
	end := f.do("status").end(f.t)
	for verdict, n := range end.Summary {
		if n != want[verdict] {
			f.t.Errorf("%s has %d hosts %s, want %d", end.ID, n, verdict, want[verdict])
		}
	}
}
