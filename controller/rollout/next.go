package rollout

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/aptfleet/aptfleet/inventory"
)

// Decision is what is to be done now. Exactly one of its parts is set, or none
// but Hold: then something busy has to end first.
type Decision struct {
	Record *Event // to be journaled; then ask again

	// Hosts to be begun with, beside those that are busy. Whether their steps are
	// to be done or undone is said by State.Returning.
	Work     []inventory.HostName
	Prefetch []inventory.HostName // to get the packages of their plan
	Gate     []inventory.HostName // to be waited for until they are healthy

	Pause     *Pause // to be waited for
	Unplanned bool   // nothing may be done before a plan is approved
	Over      bool   // the rollout is finished

	// Halted says that no gate needs to be waited for any longer, and that it matters
	// no more whether those that passed theirs stay healthy.
	Halted bool
}

// Next decides what is to be done now. It depends on nothing but the state and
// on which hosts are busy, which are none for a controller that
// has just taken the rollout: so that goes on where the one before it was.
//
// busy has the hosts that are worked on, or whose gate is waited for, in this
// very process. What they are at is in the state, once they have said so.
func (s *State) Next(busy map[inventory.HostName]bool) Decision {
	switch {
	case s.Phase != Open:
		return Decision{Over: true}
	case s.Aborted != nil:
		return s.windUp(busy, s.finish())
	case s.Returning:
		return s.nextBack(busy)
	case s.Stopped != nil && s.Spec.Policy.OnFailure == Rollback && s.anyTouched():
		return s.windUp(busy, &Event{Kind: KindRollback, Cause: s.Stopped.Cause})
	case s.Stopped != nil:
		return s.windUp(busy, s.finish())
	case s.unplanned():
		return Decision{Unplanned: true}
	}
	return s.nextForward(busy)
}

// Watched reports whether it matters that a host, which is not busy, stays
// healthy: it has passed its gate, and the course of the rollout is still open.
func (s *State) Watched(host inventory.HostName) bool {
	if s.Phase != Open || s.Stopped != nil || s.Aborted != nil || s.Returning {
		return false
	}
	h, takesPart := s.Host(host)
	return takesPart && h.Verdict == HostDone && h.Gate == Done
}

// windUp sees those hosts through that are being worked on, and then journals.
func (s *State) windUp(busy map[inventory.HostName]bool, then *Event) Decision {
	var running []inventory.HostName
	for i := range s.hosts {
		if h := &s.hosts[i]; h.Verdict == HostRunning && !busy[h.Name] {
			running = append(running, h.Name)
		}
	}
	if len(running) > 0 || len(busy) > 0 {
		return Decision{Work: running, Halted: true}
	}
	return Decision{Record: then}
}

// anyTouched reports whether there is a host to be returned.
func (s *State) anyTouched() bool {
	return slices.ContainsFunc(s.hosts, func(h HostState) bool { return h.Touched() })
}

func (s *State) finish() *Event {
	sum := s.Summary()
	return &Event{Kind: KindFinished, Summary: &sum}
}

// nextForward goes through the batches.
func (s *State) nextForward(busy map[inventory.HostName]bool) Decision {
	batch, cause := s.nextBatch(), s.overBudget()
	if cause != "" && (batch > 0 || s.anyBegins() || s.Spec.Policy.OnFailure == Rollback) {
		return Decision{Record: &Event{Kind: KindStopped, Cause: cause}}
	}
	if s.tally.unfetched > 0 && !s.InBatch {
		return Decision{Prefetch: s.prefetch(busy)}
	}
	if s.InBatch {
		work := s.work(s.batches[s.Batch-1], busy, func(h *HostState) bool { return h.Wanted && h.Due && !h.Verdict.Ended() })
		gate := s.gates(s.batches[s.Batch-1], busy)
		if len(work) > 0 || len(gate) > 0 || len(busy) > 0 {
			return Decision{Work: work, Gate: gate}
		}
		return Decision{Record: &Event{Kind: KindBatchEnded, Batch: s.Batch}}
	}
	switch p := s.Spec.Policy; {
	case (batch > 0 || p.OnFailure == Rollback) && s.unproven():
		return Decision{Record: &Event{Kind: KindStopped, Cause: fmt.Sprintf("not one host is healthy after batch %d", s.Batch)}}
	case batch == 0 && cause != "" && s.gateFailed():
		return Decision{Record: &Event{Kind: KindStopped, Cause: cause}}
	case batch == 0:
		return Decision{Record: s.finish()}
	case s.Pause != nil:
		return Decision{Pause: s.Pause}
	case (p.Confirm || p.Pause > 0) && s.Batch > s.pausedAfter:
		return Decision{Record: &Event{Kind: KindPaused, Batch: s.Batch}}
	}
	if unsure := s.unsure(); len(unsure) > 0 {
		return Decision{Gate: slices.DeleteFunc(unsure, func(h inventory.HostName) bool { return busy[h] })}
	}
	return Decision{Record: &Event{Kind: KindBatchBegun, Batch: batch}}
}

// nextBack rolls hosts back, those that were begun last first, and all of them
// in one go.
func (s *State) nextBack(busy map[inventory.HostName]bool) Decision {
	var due []int
	for i := range s.hosts {
		if s.hosts[i].Due {
			due = append(due, i)
		}
	}
	slices.SortFunc(due, func(a, b int) int {
		return cmp.Or(cmp.Compare(s.hosts[b].order, s.hosts[a].order), cmp.Compare(b, a))
	})
	work := s.work(due, busy, func(h *HostState) bool { return h.Due })
	if len(work) > 0 || len(busy) > 0 {
		return Decision{Work: work, Halted: true}
	}
	return Decision{Record: s.finish()}
}

// nextBatch returns the next batch after the last that has a host to be worked
// on, or 0.
func (s *State) nextBatch() int {
	for n := s.Batch + 1; n <= len(s.batches); n++ {
		if slices.ContainsFunc(s.batches[n-1], s.pending) {
			return n
		}
	}
	return 0
}

// pending reports whether a host has something to come.
func (s *State) pending(i int) bool {
	h := &s.hosts[i]
	return h.Wanted && (h.Due && !h.Verdict.Ended() || s.ungated(h))
}

// anyBegins reports whether the batch has a host that was not begun.
func (s *State) anyBegins() bool {
	return s.InBatch && slices.ContainsFunc(s.batches[s.Batch-1], func(i int) bool {
		return s.pending(i) && s.hosts[i].Verdict == HostNotStarted
	})
}

// overBudget says why the budget is used up, if it is.
func (s *State) overBudget() string {
	p := s.Spec.Policy
	if !p.MaxFailures.Said() || p.OnFailure == Continue {
		return ""
	}
	if allowed := p.MaxFailures.Of(len(s.hosts)); s.tally.failures > allowed {
		return fmt.Sprintf("%d of %s failed, and %d may", s.tally.failures, inventory.Count(len(s.hosts)), allowed)
	}
	return ""
}

// unsure returns the hosts that are to be asked anew whether they are healthy, before
// the batch that follows a pause: nobody may have watched them in it. Those that
// are done, and were not asked since the pause ended.
func (s *State) unsure() []inventory.HostName {
	if s.Batch != s.pausedAfter {
		return nil
	}
	var unsure []inventory.HostName
	for i := range s.hosts {
		if h := &s.hosts[i]; h.passed < s.wentOn && s.Watched(h.Name) {
			unsure = append(unsure, h.Name)
		}
	}
	return unsure
}

// gateFailed reports whether a host is not healthy that takes part in what goes on.
// More of those than may be stop a rollout even where nothing is left to begin: a
// retry can help hosts on which apt failed, and not a version that is not healthy.
func (s *State) gateFailed() bool {
	return slices.ContainsFunc(s.hosts, func(h HostState) bool { return h.Wanted && h.Gate == Failed })
}

// unproven reports whether batches have ended without a single host that is
// healthy: whatever the budget, such a thing is not given to more hosts.
func (s *State) unproven() bool {
	if s.Batch == 0 || s.Spec.Policy.OnFailure == Continue {
		return false
	}
	return !slices.ContainsFunc(s.hosts, func(h HostState) bool { return h.Verdict == HostDone })
}
