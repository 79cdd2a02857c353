package rollout

import (
	"fmt"

	"github.com/aptfleet/aptfleet/inventory"
)

// noteFetches notes on which hosts there is something to be fetched. A host for
// which there is no plan is among them, so that it is judged before others are
// touched.
func (s *State) noteFetches() {
	if !s.frozen.approved {
		return
	}
	for i := range s.hosts {
		h := &s.hosts[i]
		g, planned := s.frozen.of(h.Name)
		h.fetches, h.idle = !planned || len(g.Changes) > 0, planned && g.Idle() && s.Spec.Reboot == ""
	}
	s.recount()
}

// Trouble says why the approved plan has nothing for a host, and what the host
// is to be judged for it; "" if it has.
func (s *State) Trouble(host inventory.HostName) (cause string, verdict Verdict) {
	i, there := s.frozen.groups[host]
	switch {
	case !there:
		return "no plan was made for it", HostFailed
	case s.frozen.plan.Groups[i].Unreachable:
		return s.frozen.plan.Groups[i].Trouble, HostUnreachable
	}
	return s.frozen.plan.Groups[i].Trouble, HostFailed
}

// unfetched reports whether the host is still to get its packages. One in doubt
// may be at work, with the packages that it has.
func (h *HostState) unfetched() bool {
	return h.fetches && h.Prefetch == Pending && h.Wanted && h.Due && h.Verdict == HostNotStarted && !h.InDoubt()
}

// prefetch returns the hosts that are to get their packages now, as many as
// there are free places.
func (s *State) prefetch(busy map[inventory.HostName]bool) []inventory.HostName {
	var hosts []inventory.HostName
	for i := range s.hosts {
		h := &s.hosts[i]
		if len(hosts)+len(busy) >= s.Spec.Policy.Parallel {
			break
		}
		if h.unfetched() && !busy[h.Name] {
			hosts = append(hosts, h.Name)
		}
	}
	return hosts
}

// applyPrefetch notes whether a host has its packages. One that has not is over
// before it was touched.
func (h *HostState) applyPrefetch(e Event) error {
	if e.Status == h.Prefetch && h.Prefetch != Pending {
		return nil // said again
	}
	switch {
	case h.Verdict != HostNotStarted || h.Prefetch != Pending:
		return fmt.Errorf("the host is %s and its prefetch %s", h.Verdict, h.Prefetch)
	case e.Status == Done:
		h.note(e.Notes)
	case e.Status == Failed && e.Verdict.Retriable():
		h.Verdict, h.Cause, h.Ended, h.Due = e.Verdict, e.Cause, e.At, false
		h.note(e.Notes)
	default:
		return fmt.Errorf("it is %s, and the host %s", e.Status, e.Verdict)
	}
	h.Prefetch = e.Status
	return nil
}
