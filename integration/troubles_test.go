package integration

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// trouble is what happens to one of twelve hosts.
type trouble struct {
	number  int
	begin   func(f *fleet, h lab.Host) // before the rollout
	during  func(f *fleet, h lab.Host) // once the script of the package waits for the story
	mend    func(f *fleet, h lab.Host)
	verdict string
	cause   string // of a job that is lost: it may have been before it said that it began
	jobs    int    // that install, of which the host has heard in the end
	begun   int    // how often they were, all together
}

var waitsForStory = func(f *fleet, h lab.Host) { f.put(h, faultFile, waiting) }

var troubles = []trouble{
	{
		number: 2, verdict: "unreachable", cause: "refused", jobs: 1, begun: 1,
		begin: func(f *fleet, h lab.Host) { f.exec(h, "systemctl", "stop", "ssh.service") },
		mend:  func(f *fleet, h lab.Host) { f.exec(h, "systemctl", "start", "ssh.service") },
	},
	{
		number: 4, verdict: "unknown", cause: "it has not ended: Configuring shop", jobs: 1, begun: 1,
		begin: waitsForStory,
		mend:  func(f *fleet, h lab.Host) { f.put(h, goFile, "") },
	},
	{
		number: 5, verdict: "failed", cause: "the post-installation script of shop failed with 1", jobs: 2, begun: 2,
		begin: func(f *fleet, h lab.Host) { f.put(h, faultFile, "exit 1\n") },
		mend:  func(f *fleet, h lab.Host) { f.put(h, faultFile, "") },
	},
	{
		number: 9, verdict: "unknown", cause: " job R2-", jobs: 1, begun: 1,
		begin: waitsForStory,
		during: func(f *fleet, h lab.Host) {
			f.must(h.Cut())
			f.put(h, goFile, "") // so that apt ends while nobody hears of it
		},
		mend: func(f *fleet, h lab.Host) { f.must(h.Mend()) },
	},
	{
		number: 12, verdict: "unknown", cause: " job R2-", jobs: 1, begun: 2,
		begin:  waitsForStory,
		during: func(f *fleet, h lab.Host) { f.must(h.PowerOff()) },
		mend: func(f *fleet, h lab.Host) {
			f.put(h, goFile, "")
			f.must(h.PowerOn(f.t.Context()))
		},
	},
}

// TestTroubles rolls out to twelve hosts of which one refuses the connection, one
// hangs, one fails, one loses its link in the middle of apt, and one goes down in
// the middle and takes longer to come back than there is patience. The seven
// others are done, and a retry after mending finishes exactly those five.
func TestTroubles(t *testing.T) {
	t.Parallel()
	f := bootedFleet(t, lab.Options{Count: 12, Suites: []string{lab.Bookworm, lab.Trixie}})
	f.appendTo("aptfleet.toml", "reattach = \"10s\"\nsilence = \"45s\"\n")
	f.rollOut("shop=1.0")
	f.publish(shop{version: "1.1"})
	for _, tr := range troubles {
		tr.begin(f, f.host(tr.number))
	}
	p := f.start("rollout", "shop=1.1", "--to", group, "--yes", "--on-failure", "continue")
	for _, tr := range troubles {
		if h := f.host(tr.number); tr.during != nil {
			until(t, h.Name()+" is in the middle of apt", func() bool { return strings.Contains(f.jobLog(h), "waiting for the story") })
			tr.during(f, h)
		}
	}
	<-p.ended
	if status := p.ProcessState.ExitCode(); status != 3 {
		t.Errorf("the exit status is %d, want 3: %s%s", status, p.out.String(), p.errs.String())
	}
	f.troubled()
	before := f.histories()
	for _, tr := range troubles {
		tr.mend(f, f.host(tr.number))
	}
	f.mended(before)
}

// troubled wants the journal to say what became of all hosts.
func (f *fleet) troubled() {
	f.t.Helper()
	end := f.do("status").end(f.t)
	want := map[string]int{"done": 7, "failed": 1, "unreachable": 1, "unknown": 3, "returned": 0, "stuck": 0, "running": 0, "not_started": 0}
	if !maps.Equal(end.Summary, want) || end.Phase != "finished" {
		f.t.Errorf("it is %s, and the summary is %v, want %v", end.Phase, end.Summary, want)
	}
	for i := range f.lab.Hosts() {
		verdict, cause := "done", ""
		if at := slices.IndexFunc(troubles, func(tr trouble) bool { return tr.number == i+1 }); at >= 0 {
			verdict, cause = troubles[at].verdict, troubles[at].cause
		}
		if got := end.host(f.t, f.host(i+1).Name()); got.Verdict != verdict || !strings.Contains(got.Cause, cause) || cause == "" && got.Cause != "" {
			f.t.Errorf("%s is %s because of %q, want %s and %q", got.Host, got.Verdict, got.Cause, verdict, cause)
		}
	}
}

// histories returns what apt has done on each host.
func (f *fleet) histories() map[string]string {
	all := map[string]string{}
	for _, h := range f.lab.Hosts() {
		all[h.Name()] = f.read(h, "/var/log/apt/history.log")
	}
	return all
}

// mended retries, and wants that to have touched those hosts alone that needed it.
func (f *fleet) mended(before map[string]string) {
	f.t.Helper()
	a := f.do("retry", "R2")
	if end := a.end(f.t); end.Summary["done"] != 12 {
		f.t.Errorf("after a retry: %s", a)
	}
	var again []string
	for _, e := range lines[struct{ Event, Host string }](f.t, "event", a.stdout) {
		if e.Event == "result" {
			again = append(again, e.Host)
		}
	}
	slices.Sort(again)
	if want := []string{"web12", "web2", "web4", "web5", "web9"}; !slices.Equal(again, want) {
		f.t.Errorf("the retry took up %q, want %q", again, want)
	}
	for i, h := range f.lab.Hosts() {
		jobs, begun := 1, 1
		if at := slices.IndexFunc(troubles, func(tr trouble) bool { return tr.number == i+1 }); at >= 0 {
			jobs, begun = troubles[at].jobs, troubles[at].begun
		} else if now := f.read(h, "/var/log/apt/history.log"); now != before[h.Name()] {
			f.t.Errorf("%s was done, and apt has been there again:\n%s", h.Name(), now)
		}
		f.ran(h, jobs, begun)
	}
}

// ran wants a host to have so many jobs of R2 that install, which were begun so
// often, to have shop 1.1 and nothing unfinished.
func (f *fleet) ran(h lab.Host, jobs, begun int) {
	f.t.Helper()
	got := fmt.Sprintf("%d jobs, begun %d times, shop %s, audit %q", f.count(h, "R2-*-apt-?"), f.count(h, "R2-*-apt-?/attempt-*/began"),
		f.version(h, "shop"), f.exec(h, "dpkg", "--audit"))
	if want := fmt.Sprintf("%d jobs, begun %d times, shop 1.1, audit \"\"", jobs, begun); got != want {
		f.t.Errorf("%s has %s, want %s", h.Name(), got, want)
	}
}
