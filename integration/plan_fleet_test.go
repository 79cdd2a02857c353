package integration

import (
	"strings"
	"sync"
	"testing"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/steps"
	"github.com/aptfleet/aptfleet/integration/lab"
	"github.com/aptfleet/aptfleet/inventory"
)

// planFleet is a fleet of Debian 12 and 13 on which plans are made and carried
// out by the steps of a rollout.
type planFleet struct {
	*fleet
	ways  *remote.Fleet
	hosts []inventory.Host
}

func newPlanFleet(t *testing.T) *planFleet {
	t.Helper()
	return enrolledFleet(t, lab.Options{Count: 2, Suites: []string{lab.Bookworm, lab.Trixie}}).planning(group)
}

// planning returns the fleet with what selector picks of it to plan for.
func (f *fleet) planning(selector string) *planFleet {
	f.t.Helper()
	inv, err := inventory.Load(f.path("inventory.toml"))
	f.must(err)
	hosts, err := inv.Select(selector, nil)
	f.must(err)
	ways, err := remote.New(remote.Options{})
	f.must(err)
	f.t.Cleanup(func() { f.must(ways.Close()) })
	return &planFleet{fleet: f, ways: ways, hosts: hosts}
}

// with returns the fleet for a subtest.
func (f *planFleet) with(t *testing.T) *planFleet {
	outer := *f
	outer.fleet = f.fleet.with(t)
	return &outer
}

// ask is the job that asks for packages, "NAME" or "NAME=VERSION".
func ask(packages ...string) hostjob.Spec {
	spec := hostjob.Spec{ID: "plan", Owner: "story", Mode: hostjob.Install}
	for _, p := range packages {
		name, version, _ := strings.Cut(p, "=")
		spec.Packages = append(spec.Packages, hostjob.Target{Name: name, Version: version})
	}
	return spec
}

// each does something on all hosts at once.
func (f *planFleet) each(do func(i int, link *remote.Link)) {
	var all sync.WaitGroup
	for i, h := range f.hosts {
		all.Go(func() {
			link := f.ways.Link(h)
			defer link.Close()
			do(i, link)
		})
	}
	all.Wait()
}

// plan plans on all hosts.
func (f *planFleet) plan(spec hostjob.Spec) rollout.Plan {
	plans := make([]rollout.HostPlan, len(f.hosts))
	f.each(func(i int, link *remote.Link) {
		plans[i] = steps.PlanHost(f.t.Context(), f.hosts[i].Name, link, spec)
	})
	return rollout.NewPlan(plans)
}

// carryOut does something with the plan of each host, and returns the errors.
func (f *planFleet) carryOut(p rollout.Plan, spec hostjob.Spec, do func(link *remote.Link, spec hostjob.Spec) error) []string {
	errs := make([]string, len(f.hosts))
	f.each(func(i int, link *remote.Link) {
		for _, g := range p.Groups {
			for _, name := range g.Hosts {
				if name != f.hosts[i].Name {
					continue
				}
				if err := do(link, steps.Planned(spec, g)); err != nil {
					errs[i] = err.Error()
				}
			}
		}
	})
	return errs
}

// install carries a plan out under a job's name.
func (f *planFleet) install(p rollout.Plan, spec hostjob.Spec, id string) []string {
	return f.carryOut(p, spec, func(link *remote.Link, s hostjob.Spec) error {
		s.ID = id
		return (&steps.Apt{Shell: link, Spec: s}).Do(f.t.Context())
	})
}

// prefetch fetches what a plan needs, on all hosts.
func (f *planFleet) prefetch(p rollout.Plan, spec hostjob.Spec, id string) {
	f.t.Helper()
	for i, err := range f.carryOut(p, spec, func(link *remote.Link, s hostjob.Spec) error {
		s.ID = id
		_, err := steps.Prefetch(f.t.Context(), link, s, hostjob.Watch{})
		return err
	}) {
		if err != "" {
			f.t.Errorf("%s cannot fetch: %s", f.hosts[i].Name, err)
		}
	}
}

// undo takes the job of a name back.
func (f *planFleet) undo(p rollout.Plan, spec hostjob.Spec, id string) []string {
	return f.carryOut(p, spec, func(link *remote.Link, s hostjob.Spec) error {
		s.ID = id
		var step engine.Step = &steps.Apt{Shell: link, Spec: s}
		record, err := step.Prepare(f.t.Context())
		if err != nil {
			return err
		}
		return step.Undo(f.t.Context(), record)
	})
}

// have checks the version of a package on each host; "" is none.
func (f *fleet) have(name string, versions ...string) {
	f.t.Helper()
	for i, want := range versions {
		if got := f.version(f.host(i+1), name); got != want {
			f.t.Errorf("%s has %s %q, want %q", f.host(i+1).Name(), name, got, want)
		}
	}
}

// shows checks what a plan says, a line a group.
func (f *planFleet) shows(p rollout.Plan, want ...string) {
	f.t.Helper()
	var got []string
	for _, g := range p.Groups {
		var line []string
		for _, c := range g.Changes {
			line = append(line, c.String())
		}
		if len(g.Held) > 0 {
			line = append(line, "held "+strings.Join(g.Held, " "))
		}
		if g.Trouble != "" {
			line = append(line, g.Trouble)
		}
		got = append(got, strings.Join(line, ", "))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		f.t.Errorf("the plan is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
