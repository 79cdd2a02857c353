package integration

import (
	"testing"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/steps"
	"github.com/aptfleet/aptfleet/integration/lab"
	"github.com/aptfleet/aptfleet/inventory"
)

// TestUndo takes a rollout back, in another process's place, from what the
// journal and the hosts have kept: the old version returns, and what came with
// the new one goes.
func TestUndo(t *testing.T) {
	f := enrolledFleet(t, lab.Options{Count: 2, Kind: lab.Light})
	f.rollOut("shop=1.0")
	f.publish(shop{name: "shop-lib", version: "3"}, shop{version: "1.1", depends: []string{"shop-lib"}})
	f.put(f.host(2), faultFile, "exit 1\n")
	if a := f.run("rollout", "shop", "--to", group, "--yes"); a.status != 3 {
		t.Fatal(a)
	}
	f.put(f.host(2), faultFile, "")

	state, results := f.undo("R2")
	for i, r := range results {
		if r.Verdict != rollout.HostReturned || r.Err != nil {
			t.Errorf("%s is %s: %v", r.Host, r.Verdict, r.Err)
		}
		h := f.host(i + 1)
		if shop, lib := f.version(h, "shop"), f.version(h, "shop-lib"); shop != "1.0" || lib != "" {
			t.Errorf("%s has shop %q and shop-lib %q, want 1.0 and none", h.Name(), shop, lib)
		}
	}
	if got := state.Summary().Returned; got != 2 {
		t.Errorf("the journal has %d hosts returned, want 2", got)
	}
}

// undo takes a rollout back on all hosts and returns how it then stands.
func (f *fleet) undo(id rollout.ID) (*rollout.State, []engine.Result) {
	f.t.Helper()
	ctx := f.t.Context()
	b, err := bus.Open(ctx, bus.Options{State: f.path("state")})
	f.must(err)
	defer func() { f.must(b.Close()) }()
	j := journal.New(b, "story")
	state, err := j.Read(ctx, id)
	f.must(err)
	w, err := j.Take(ctx, id)
	f.must(err)
	inv, err := inventory.Load(f.path("inventory.toml"))
	f.must(err)
	ways, err := remote.New(remote.Options{})
	f.must(err)
	defer func() { f.must(ways.Close()) }()

	results, err := (&engine.Engine{Journal: w}).Undo(ctx, state, inv.Hosts(), 2, func(h inventory.Host) engine.Task {
		link := ways.Link(h)
		spec := hostjob.Spec{ID: string(id), Owner: "story", Mode: hostjob.Install, Packages: []hostjob.Target{{Name: "shop"}}}
		return engine.Task{Steps: []engine.Step{&steps.Apt{Shell: link, Spec: spec}}, Close: link.Close}
	})
	f.must(err)
	_, err = w.Finish(ctx)
	f.must(err)
	state, err = j.Read(ctx, id)
	f.must(err)
	return state, results
}
