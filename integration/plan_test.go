package integration

import (
	"os"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestPlans plays what can come between a plan and its hosts, each story with
// packages of its own.
func TestPlans(t *testing.T) {
	f := newPlanFleet(t)
	for name, story := range map[string]func(f *planFleet){
		"upload in between":       uploadInBetween,
		"host changed since":      hostChangedSince,
		"dependency that is gone": dependencyGone,
		"hold":                    hold,
		"removal":                 removal,
		"suites with pins":        suitesWithPins,
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) { story(f.with(t)) })
	}
}

// now installs packages on a host, as its administrator would.
func (f *fleet) now(h lab.Host, packages ...string) {
	f.t.Helper()
	f.exec(h, "apt-get", "-qq", "update")
	f.exec(h, append([]string{"apt-get", "-qq", "-y", "install"}, packages...)...)
}

// done checks that a plan was carried out everywhere.
func (f *planFleet) done(errs []string) {
	f.t.Helper()
	for i, err := range errs {
		if err != "" {
			f.t.Errorf("%s: %s", f.hosts[i].Name, err)
		}
	}
}

// uploadInBetween: what was planned is installed, dependencies too, although
// newer versions of both are in the hosts' lists by then.
func uploadInBetween(f *planFleet) {
	f.publish(shop{name: "up-lib", version: "1"}, shop{name: "up", version: "1", depends: []string{"up-lib"}})
	spec := ask("up")
	p := f.plan(spec)
	f.shows(p, "up 1 (new), up-lib 1 (new)")
	f.publish(shop{name: "up-lib", version: "2"}, shop{name: "up", version: "2", depends: []string{"up-lib"}})
	for _, h := range f.lab.Hosts() {
		f.exec(h, "apt-get", "-qq", "update")
	}
	f.done(f.install(p, spec, "up"))
	f.have("up", "1", "1")
	f.have("up-lib", "1", "1")
	for _, h := range f.lab.Hosts() {
		if auto := strings.Fields(f.exec(h, "apt-mark", "showauto", "up", "up-lib")); len(auto) != 1 || auto[0] != "up-lib" {
			f.t.Errorf("%s has %q marked automatic, want up-lib", h.Name(), auto)
		}
	}
}

// hostChangedSince: that host is left alone, the other gets what was planned.
func hostChangedSince(f *planFleet) {
	f.publish(shop{name: "moved", version: "1"}, shop{name: "moved", version: "2"}, shop{name: "moved", version: "3"})
	f.now(f.host(1), "moved=1")
	f.now(f.host(2), "moved=1")
	spec := ask("moved=3")
	p := f.plan(spec)
	f.shows(p, "moved 1 -> 3")
	f.now(f.host(1), "moved=2")
	errs := f.install(p, spec, "moved")
	if errs[0] != "cannot do what was planned: moved is 2, and was 1" || errs[1] != "" {
		f.t.Errorf("the hosts say %q", errs)
	}
	f.have("moved", "2", "3")
}

// dependencyGone: no plan, and apt's reason in its place.
func dependencyGone(f *planFleet) {
	f.publish(shop{name: "clash", version: "1", depends: []string{"clash-lib (>= 2)"}}, shop{name: "clash-lib", version: "1"})
	for _, g := range f.plan(ask("clash")).Groups {
		if !strings.Contains(g.Trouble, "clash : Depends: clash-lib (>= 2)") || len(g.Changes) > 0 {
			f.t.Errorf("%q plan %v because %q", g.Hosts, g.Changes, g.Trouble)
		}
	}
}

// hold: the plan shows it, and the package is on hold afterwards too.
func hold(f *planFleet) {
	f.publish(shop{name: "still", version: "1"}, shop{name: "still", version: "2"})
	f.now(f.host(1), "still=1")
	f.now(f.host(2), "still=1")
	f.exec(f.host(1), "apt-mark", "hold", "still")
	spec := ask("still")
	p := f.plan(spec)
	f.shows(p, "still 1 -> 2, held still", "still 1 -> 2")
	f.done(f.install(p, spec, "still"))
	if held := strings.Fields(f.exec(f.host(1), "apt-mark", "showhold")); len(held) != 1 || held[0] != "still" {
		f.t.Errorf("%s has %q on hold, want still", f.host(1).Name(), held)
	}
	if out := f.exec(f.host(1), "dpkg-query", "-W", "-f", "${Version}", "still"); out != "2" {
		f.t.Errorf("%s has still %s, want 2", f.host(1).Name(), out)
	}
}

// removal: it is planned where there is something to remove, and refused where
// there was nothing when the plan was made.
func removal(f *planFleet) {
	f.publish(shop{name: "rival", version: "1"}, shop{name: "winner", version: "2", breaks: []string{"rival"}})
	f.now(f.host(1), "rival")
	spec := ask("winner")
	p := f.plan(spec)
	f.shows(p, "rival 1 (removed), winner 2 (new)", "winner 2 (new)")
	f.now(f.host(2), "rival")
	errs := f.install(p, spec, "winner")
	if errs[0] != "" || errs[1] != "cannot do what was planned: apt would remove rival" {
		f.t.Errorf("the hosts say %q", errs)
	}
	f.have("winner", "2", "")
	f.have("rival", "", "1")
}

// suitesWithPins: each host gets the version that its own pins choose.
func suitesWithPins(f *planFleet) {
	f.publishTo("nightly", shop{name: "pinned", version: "2"})
	f.publishTo("stable", shop{name: "pinned", version: "1"})
	const pins = "/etc/apt/preferences.d/story"
	f.put(f.host(1), pins, "Package: pinned\nPin: release a=stable\nPin-Priority: 900\n")
	defer os.Remove(f.host(1).Path(pins))
	spec := ask("pinned")
	p := f.plan(spec)
	f.shows(p, "pinned 1 (new)", "pinned 2 (new)")
	f.done(f.install(p, spec, "pinned"))
	f.have("pinned", "1", "2")
}
