package integration

import (
	"slices"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// planned is a line of aptfleet plan.
type planned struct {
	Hosts   []string
	Changes []struct{ Package, Old, New, Kind string }
	Trouble string
}

// TestPlanCommand plans on hosts of which two have the old version, one has none
// and one cannot be reached, and changes nothing on any.
func TestPlanCommand(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 4, Kind: lab.Light})
	f.do("rollout", "shop=1.0", "--to", "web1,web2", "--yes")
	f.publish(shop{name: "shop-lib", version: "3"}, shop{version: "1.1", depends: []string{"shop-lib"}})
	f.must(f.host(4).PowerOff())

	a := f.run("plan", "shop", "--suite", "stable", "--to", group)
	plans := lines[planned](t, "plan", a.stdout)
	if a.status != 3 || len(plans) != 3 {
		t.Fatalf("want status 3 and 3 groups: %s", a)
	}
	slices.SortFunc(plans, func(a, b planned) int { return slices.Compare(a.Hosts, b.Hosts) })
	for i, want := range []planned{
		{Hosts: []string{"web1", "web2"}, Changes: []struct{ Package, Old, New, Kind string }{{"shop", "1.0", "1.1", "upgrade"}, {"shop-lib", "", "3", "new"}}},
		{Hosts: []string{"web3"}, Changes: []struct{ Package, Old, New, Kind string }{{"shop", "", "1.1", "new"}, {"shop-lib", "", "3", "new"}}},
		{Hosts: []string{"web4"}},
	} {
		got := plans[i]
		if !slices.Equal(got.Hosts, want.Hosts) || !slices.Equal(got.Changes, want.Changes) || (got.Trouble != "") != (len(want.Changes) == 0) {
			t.Errorf("group %d is %+v, want %+v", i, got, want)
		}
	}
	for n, version := range map[int]string{1: "1.0", 2: "1.0", 3: ""} {
		if got := f.version(f.host(n), "shop"); got != version {
			t.Errorf("web%d has shop %q after planning, want %q", n, got, version)
		}
	}
	dry := f.run("rollout", "shop", "--suite", "stable", "--to", group, "--dry-run")
	if got := lines[planned](t, "plan", dry.stdout); dry.status != a.status || len(got) != len(plans) {
		t.Errorf("the dry run has %d groups: %s", len(got), dry)
	}
	if a := f.do("history"); len(lines[struct{}](t, "history", a.stdout)) != 1 {
		t.Errorf("planning is in the journal: %s", a)
	}
}
