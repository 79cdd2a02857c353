package rollout

import (
	"slices"

	"github.com/aptfleet/aptfleet/inventory"
)

// work returns which of the hosts are to be taken in hand, in their order, as
// many as there are free places. Those that were being worked on when a
// controller died come first.
func (s *State) work(hosts []int, busy map[inventory.HostName]bool, open func(*HostState) bool) []inventory.HostName {
	free := s.Spec.Policy.Parallel
	for name := range busy {
		if i, ok := s.index[name]; ok && s.hosts[i].Due {
			free--
		}
	}
	var work []inventory.HostName
	begun := map[int]bool{}
	for _, resumed := range []bool{true, false} {
		for _, i := range hosts {
			h := &s.hosts[i]
			if len(work) >= free {
				return work
			}
			if (h.Verdict == HostRunning) != resumed || busy[h.Name] || !open(h) || !resumed && s.blocked(i, begun, busy) {
				continue
			}
			begun[i] = true
			work = append(work, h.Name)
		}
	}
	return work
}

// blocked reports whether another host of the same pair is, or may be, at work,
// or has yet to show that it is well.
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

// gates returns which of the hosts are to be waited for until they are well.
func (s *State) gates(hosts []int, busy map[inventory.HostName]bool) []inventory.HostName {
	var gates []inventory.HostName
	for _, i := range hosts {
		if h := &s.hosts[i]; h.Wanted && s.ungated(h) && !busy[h.Name] {
			gates = append(gates, h.Name)
		}
	}
	return gates
}
