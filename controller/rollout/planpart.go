package rollout

import (
	"errors"
	"fmt"
	"slices"
)

// partSize is how much of a plan is put into one event, in bytes, roughly. The
// bus takes messages of up to 8 MiB.
const partSize = 1 << 20

// Events returns the events that freeze the plan in a journal, of which there
// are several if it is large. It counts once it is approved.
func (p Plan) Events() []Event {
	parts := p.parts(partSize)
	events := make([]Event, len(parts))
	for i := range parts {
		events[i] = Event{Kind: KindPlanned, Plan: &parts[i], Part: i + 1, Parts: len(parts)}
	}
	return events
}

// parts cuts the plan into parts of about size bytes. A group that is too large
// for one is in several.
func (p Plan) parts(size int) []Plan {
	parts := []Plan{{}}
	left := size
	for _, g := range p.Groups {
		for rest := g.Hosts; len(rest) > 0; {
			if left <= 0 {
				parts, left = append(parts, Plan{}), size
			}
			left -= g.size()
			n := 0
			for ; n < len(rest) && (n == 0 || left > 0); n++ {
				left -= len(rest[n]) + 3
			}
			g.Hosts = rest[:n:n]
			rest = rest[n:]
			last := &parts[len(parts)-1]
			last.Groups = append(last.Groups, g)
		}
	}
	return parts
}

// size is about what a group takes when stored, without its hosts.
func (g Group) size() int {
	n := 100 + len(g.Trouble)
	for _, c := range g.Changes {
		n += len(c.Package) + len(c.Old) + len(c.New) + 30
	}
	for _, h := range g.Held {
		n += len(h) + 3
	}
	return n
}

// frozenPlan is a plan as it comes in from the journal.
type frozenPlan struct {
	plan     Plan
	part     int // the last that is here
	parts    int
	approved bool
}

// add takes the next part. The first begins a new plan, which is how a
// controller goes on that died while it wrote one.
func (f *frozenPlan) add(e Event) error {
	switch {
	case f.approved:
		return errors.New("a plan is approved already")
	case e.Plan == nil:
		return errors.New("it has no plan")
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
	f.plan, f.approved = whole, true
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
