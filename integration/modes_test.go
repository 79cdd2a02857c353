package integration

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestModes upgrades where there is something to upgrade: only-upgrade leaves
// hosts without the package alone, and dist-upgrade takes all there is.
func TestModes(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 3, Suites: []string{lab.Bookworm, lab.Trixie}})
	has, also, without := f.host(1), f.host(2), f.host(3)
	f.publish(shop{name: "tool", version: "1"})
	f.do("rollout", "shop", "tool", "--to", has.Name()+","+also.Name(), "--yes")
	f.publish(shop{version: "1.1"}, shop{name: "tool", version: "2"}, shop{name: "news", version: "1"})

	end := f.rollOut("shop", "--mode", "only-upgrade")
	for _, h := range []lab.Host{has, also, without} {
		want := map[lab.Host]string{has: "1.1", also: "1.1"}[h]
		if got := end.host(t, h.Name()); got.Verdict != "done" || got.After["shop"] != want || f.version(h, "shop") != want || f.version(h, "tool") == "2" {
			t.Errorf("only-upgrade: %s ended as %+v with shop %q", h.Name(), got, f.version(h, "shop"))
		}
	}
	f.rollOut("--mode", "dist-upgrade")
	for _, h := range []lab.Host{has, also, without} {
		want := map[lab.Host]string{has: "2", also: "2"}[h]
		if f.version(h, "tool") != want || f.version(h, "news") != "" {
			t.Errorf("dist-upgrade: %s has tool %q and news %q", h.Name(), f.version(h, "tool"), f.version(h, "news"))
		}
	}
	f.lookBack(has)
}

// lookBack asks the journal for the three rollouts of TestModes.
func (f *fleet) lookBack(h lab.Host) {
	f.t.Helper()
	history := lines[struct {
		ID, Mode, Selector string
		Packages           []string
		Hosts              int
		Summary            map[string]int
	}](f.t, "history", f.do("history").stdout)
	if len(history) != 3 {
		f.t.Fatalf("the history has %+v", history)
	}
	for i, want := range []string{"R3 dist-upgrade  web", "R2 only-upgrade shop web", "R1 install shop tool web1,web2"} {
		l := history[i]
		got := strings.Join([]string{l.ID, l.Mode, strings.Join(l.Packages, " "), l.Selector}, " ")
		if got != want || l.Summary["done"] != l.Hosts {
			f.t.Errorf("the history says %q, %v of %d; want %q", got, l.Summary, l.Hosts, want)
		}
	}
	if end := f.do("status").end(f.t); end.ID != "R3" || end.Phase != "finished" {
		f.t.Errorf("the last rollout is %s, %s", end.ID, end.Phase)
	}
	if end := f.do("status", "R1").end(f.t); end.ID != "R1" || len(end.Hosts) != 2 {
		f.t.Errorf("the first rollout is %+v", end)
	}
	if a := f.do("logs", "R2", h.Name()); !strings.Contains(a.stdout, "Setting up shop (1.1)") || strings.Contains(a.stdout, "Setting up tool") {
		f.t.Errorf("the log of R2 on %s is %s", h.Name(), a)
	}
	if a := f.do("watch", "R1"); strings.Count(a.stdout, `"event":"result"`) != 2 || strings.Count(a.stdout, `"event":"finished"`) != 1 {
		f.t.Errorf("watch says %s", a)
	}
}
