package rollout

import (
	"errors"
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
)

// State is what a rollout's events amount to. The zero value is a rollout that
// does not exist yet. A State is not safe for concurrent use.
type State struct {
	Phase    Phase
	Spec     Spec
	Term     int
	Owner    string // the controller that runs it, or ran it last
	Events   int
	Results  int // host events among them
	Created  time.Time
	Changed  time.Time // when the last event happened
	Finished time.Time // zero while it is open
	Course

	tally   tally
	frozen  frozenPlan
	batches [][]int       // indexes of hosts, in the order in which they are begun
	pairs   map[int][]int // of each host of a pair, all hosts of it
	hosts   []HostState
	index   map[inventory.HostName]int
}

// Plan returns what has been planned, and whether it is approved and whole. The
// plan is the state's own memory.
func (s *State) Plan() (plan Plan, approved bool) { return s.frozen.plan, s.frozen.approved }

// PlanOf returns what the approved plan has for a host, together with others. It
// is false where there was trouble; a plan for such a host may still be added by
// the events of a Plan, and counts at once.
func (s *State) PlanOf(host inventory.HostName) (Group, bool) { return s.frozen.of(host) }

// Hosts returns what became of every host, in the order of the Spec. It is the
// state's own memory: read it, and copy what must outlive the next Apply.
func (s *State) Hosts() []HostState { return s.hosts }

// Host returns what became of one host, and whether it takes part.
func (s *State) Host(name inventory.HostName) (HostState, bool) {
	i, ok := s.index[name]
	if !ok {
		return HostState{}, false
	}
	return s.hosts[i], true
}

// Apply adds an event. An event that is impossible after those before it is
// refused with an error and changes nothing. One that says of a host what is so
// already is counted and otherwise ignored: two workers may report the same end.
func (s *State) Apply(e Event) error {
	if !s.Phase.Admits(e.Kind) {
		return fmt.Errorf("cannot apply %q to a rollout that is %s", e, s.Phase)
	}
	if err := s.apply(e); err != nil {
		return fmt.Errorf("cannot apply %q: %w", e, err)
	}
	s.Events++
	s.Changed = e.At
	return nil
}

func (s *State) apply(e Event) error {
	switch e.Kind {
	case KindCreated:
		return s.create(e)
	case KindTaken:
		return s.take(e)
	case KindFinished:
		s.Phase, s.Finished = Finished, e.At
		return nil
	case KindPlanned:
		return s.planned(e)
	case KindApproved:
		return s.approve(e)
	case KindPrefetch, KindStep, KindResult, KindGate:
		return s.applyHost(e)
	}
	return s.decide(e)
}

func (s *State) applyHost(e Event) error {
	i, ok := s.index[e.Host]
	if !ok {
		return errors.New("the host takes no part in this rollout")
	}
	if s.unplanned() {
		return errors.New("no plan is approved")
	}
	h := &s.hosts[i]
	before := s.count(h)
	if err := h.apply(e); err != nil {
		return err
	}
	s.tally = s.tally.plus(s.count(h)).minus(before)
	s.Results++
	if e.Kind == KindGate && e.Status == Done {
		h.passed = s.Events + 1
	}
	if h.order == 0 && e.Kind == KindStep {
		h.order = s.Results
	}
	return nil
}

// planned adds a part of a plan. Hosts that take no part have no place in it.
func (s *State) planned(e Event) error {
	if e.Plan != nil {
		for _, g := range e.Plan.Groups {
			for _, h := range g.Hosts {
				if _, ok := s.index[h]; !ok {
					return fmt.Errorf("%s takes no part in this rollout", h)
				}
			}
		}
	}
	if err := s.frozen.add(e); err != nil {
		return err
	}
	s.noteFetches()
	return nil
}

// approve freezes the plan.
func (s *State) approve(e Event) error {
	if err := s.frozen.approve(e); err != nil {
		return err
	}
	s.noteFetches()
	return nil
}

// unplanned reports whether the rollout waits for a plan to be approved.
func (s *State) unplanned() bool { return s.Spec.Planned && !s.frozen.approved }

func (s *State) create(e Event) error {
	if e.Spec == nil {
		return errors.New("it says nothing of what was asked for")
	}
	if err := e.Spec.Validate(); err != nil {
		return err
	}
	s.Phase, s.Spec, s.Created = Open, *e.Spec, e.At
	s.Term, s.Owner = 1, e.By
	s.hosts = make([]HostState, len(s.Spec.Hosts))
	s.index = make(map[inventory.HostName]int, len(s.Spec.Hosts))
	for i, name := range s.Spec.Hosts {
		s.hosts[i] = HostState{Name: name, Attempt: 1, Wanted: true, Due: true}
		s.index[name] = i
	}
	s.batches = make([][]int, 0, len(s.Spec.Policy.Batches))
	for _, batch := range s.Spec.Batches() {
		s.batches = append(s.batches, s.indexes(batch))
	}
	s.pairs = map[int][]int{}
	for _, pair := range s.Spec.Pairs {
		for _, i := range s.indexes(pair) {
			s.pairs[i] = s.indexes(pair)
		}
	}
	return nil
}

func (s *State) indexes(names []inventory.HostName) []int {
	all := make([]int, len(names))
	for i, name := range names {
		all[i] = s.index[name]
	}
	return all
}

func (s *State) take(e Event) error {
	if e.Term != s.Term+1 {
		return fmt.Errorf("its term is %d and must be %d", e.Term, s.Term+1)
	}
	s.Phase, s.Finished = Open, time.Time{}
	s.Term, s.Owner = e.Term, e.By
	return nil
}
