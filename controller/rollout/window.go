package rollout

import (
	"slices"

	"github.com/aptfleet/aptfleet/inventory"
)

// tally counts what Next would else have to look for among all hosts whenever
// one of them ends.
type tally struct {
	failures int // of those that take part in what goes on
	running  int
	ungated  int // of those that take part in what goes on

	unfetched int
}

func (t tally) plus(u tally) tally {
	return tally{t.failures + u.failures, t.running + u.running, t.ungated + u.ungated, t.unfetched + u.unfetched}
}

func (t tally) minus(u tally) tally {
	return tally{t.failures - u.failures, t.running - u.running, t.ungated - u.ungated, t.unfetched - u.unfetched}
}

// count returns what one host adds to the tally.
func (s *State) count(h *HostState) (t tally) {
	if h.Wanted && h.Verdict.Retriable() {
		t.failures = 1
	}
	if h.Verdict == HostRunning {
		t.running = 1
	}
	if h.Wanted && s.ungated(h) {
		t.ungated = 1
	}
	if h.unfetched() {
		t.unfetched = 1
	}
	return t
}

// recount makes the tally anew, once it was decided who takes part.
func (s *State) recount() {
	s.tally = tally{}
	for i := range s.hosts {
		s.tally = s.tally.plus(s.count(&s.hosts[i]))
	}
}

// busyTally returns the tally of the hosts that the caller of Next works on, and how
// many places they take.
func (s *State) busyTally(busy map[inventory.HostName]bool) (have tally, places int) {
	for name := range busy {
		if i, ok := s.index[name]; ok {
			have = have.plus(s.count(&s.hosts[i]))
			if s.hosts[i].Due {
				places++
			}
		}
	}
	return have, places
}

// work returns which of the hosts are to be begun with, in their order, as
// many as there are free places. Those that were being worked on when a
// controller died come first.
func (s *State) work(hosts []int, busy map[inventory.HostName]bool, open func(*HostState) bool) []inventory.HostName {
	have, places := s.busyTally(busy)
	free := s.Spec.Policy.Parallel - places
	var work []inventory.HostName
	begun := map[int]bool{}
	for _, resumed := range []bool{true, false} {
		if resumed && have.running == s.tally.running {
			continue
		}
		for _, i := range hosts {
			h := &s.hosts[i]
			if len(work) >= free {
				return work
			}
			if (h.Verdict == HostRunning) != resumed || !open(h) || busy[h.Name] || !resumed && s.blocked(i, begun, busy) {
				continue
			}
			begun[i] = true
			work = append(work, h.Name)
		}
	}
	return work
}

// blocked reports whether another host of the same pair is, or may be, at work,
// or has yet to show that it is healthy.
func (s *State) blocked(i int, begun map[int]bool, busy map[inventory.HostName]bool) bool {
	return slices.ContainsFunc(s.pairs[i], func(j int) bool {
		other := &s.hosts[j]
		switch {
		case j == i:
			return false
		case begun[j] || busy[other.Name] || other.Verdict == HostRunning:
			return true
		case s.Returning: // going back, a host that is lost does not keep its neighbour
			return other.Due && other.InDoubt() && !s.hosts[i].InDoubt()
		}
		// Of two that are in doubt one has to come first.
		return other.InDoubt() && !s.hosts[i].InDoubt() || other.Wanted && s.ungated(other)
	})
}

// gates returns which of the hosts are to be waited for until they are healthy.
func (s *State) gates(hosts []int, busy map[inventory.HostName]bool) []inventory.HostName {
	if have, _ := s.busyTally(busy); have.ungated == s.tally.ungated {
		return nil
	}
	var gates []inventory.HostName
	for _, i := range hosts {
		if h := &s.hosts[i]; h.Wanted && s.ungated(h) && !busy[h.Name] {
			gates = append(gates, h.Name)
		}
	}
	return gates
}
