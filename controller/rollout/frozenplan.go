package rollout

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aptfleet/aptfleet/inventory"
)

// frozenPlan is a plan as it comes in from the journal.
type frozenPlan struct {
	plan     Plan
	part     int // the last that is here
	parts    int
	approved bool
	groups   map[inventory.HostName]int // once it is approved
}

// add takes the next part. The first begins a new plan, which is how a
// controller goes on that died while it wrote one.
func (f *frozenPlan) add(e Event) error {
	switch {
	case e.Plan == nil:
		return errors.New("it has no plan")
	case f.approved:
		return f.amend(*e.Plan)
	case e.Part < 1 || e.Part > e.Parts || e.Part != 1 && (e.Part != f.part+1 || e.Parts != f.parts):
		return fmt.Errorf("it is part %d of %d, after part %d of %d", e.Part, e.Parts, f.part, f.parts)
	}
	var groups []Group
	if e.Part > 1 {
		groups = f.plan.Groups
	}
	whole := Plan{Groups: slices.Concat(groups, e.Plan.Groups)}
	if err := whole.Validate(); err != nil {
		return err
	}
	f.plan, f.part, f.parts = whole, e.Part, e.Parts
	return nil
}

// approve ends the planning, if what was approved is what is here.
func (f *frozenPlan) approve(e Event) error {
	if f.part == 0 || f.part != f.parts {
		return fmt.Errorf("%d of %d parts of the plan are here", f.part, f.parts)
	}
	whole := f.plan.joined()
	if digest := whole.Digest(); e.Digest != digest {
		return fmt.Errorf("another plan was approved: %q, and here is %q", e.Digest, digest)
	}
	f.approved = true
	f.settle(whole)
	return nil
}

// settle makes a plan the one that counts.
func (f *frozenPlan) settle(p Plan) {
	f.plan, f.groups = p, map[inventory.HostName]int{}
	for i, g := range p.Groups {
		for _, h := range g.Hosts {
			f.groups[h] = i
		}
	}
}

// of returns what is planned for a host, if there is a plan for it.
func (f *frozenPlan) of(name inventory.HostName) (Group, bool) {
	i, ok := f.groups[name]
	if !ok || f.plan.Groups[i].Trouble != "" {
		return Group{}, false
	}
	return f.plan.Groups[i], true
}

// amend adds the plans of hosts that had none when the plan was approved. All
// others are frozen.
func (f *frozenPlan) amend(late Plan) error {
	if err := late.Validate(); err != nil {
		return err
	}
	amended := map[inventory.HostName]bool{}
	for _, g := range late.Groups {
		for _, h := range g.Hosts {
			if _, ok := f.of(h); ok {
				return fmt.Errorf("an approved plan has %s already", h)
			}
			amended[h] = true
		}
	}
	whole := Plan{Groups: slices.Clone(late.Groups)}
	for _, g := range f.plan.Groups {
		g.Hosts = slices.DeleteFunc(slices.Clone(g.Hosts), func(h inventory.HostName) bool { return amended[h] })
		if len(g.Hosts) > 0 {
			whole.Groups = append(whole.Groups, g)
		}
	}
	f.settle(whole.joined())
	return nil
}

// joined puts together groups that were stored in several parts.
func (p Plan) joined() Plan {
	var whole Plan
	byKey := map[string]int{}
	for _, g := range p.Groups {
		g.Hosts = slices.Clone(g.Hosts)
		whole.add(byKey, g)
	}
	whole.sort()
	return whole
}
