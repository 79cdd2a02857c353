package rollout

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
)

// Course is how far a rollout has come and what was decided of it as a whole.
type Course struct {
	Batch     int    // begun last, counted from 1; 0 is none
	InBatch   bool   // it has not ended
	Pause     *Pause // that it is in
	Stopped   *Halt  // by a gate or the budget
	Aborted   *Halt  // by a person
	Returning bool   // hosts are, or were, rolled back
	Because   string // why, if it is known

	pausedAfter int // the batch after which there was a pause last
	wentOn      int // the number of the event that ended it
}

// Pause is a pause between two batches.
type Pause struct {
	Since time.Time
	Until time.Time // zero: a person says when to go on
}

// Halt is the end of a course before its time.
type Halt struct {
	At    time.Time
	By    string
	Cause string
}

// decide applies a decision on the course of the rollout.
func (s *State) decide(e Event) error {
	switch e.Kind {
	case KindBatchBegun:
		return s.beginBatch(e)
	case KindBatchEnded:
		return s.endBatch(e)
	case KindPaused:
		return s.pause(e)
	case KindContinued:
		return s.goOn()
	case KindStopped:
		return halt(&s.Stopped, e)
	case KindAborted:
		return halt(&s.Aborted, e)
	case KindRetried:
		return s.retry(e)
	}
	return s.rollBack(e)
}

func (s *State) beginBatch(e Event) error {
	switch {
	case s.unplanned():
		return errors.New("no plan is approved")
	case s.Stopped != nil || s.Aborted != nil || s.Returning:
		return errors.New("the rollout was stopped")
	case s.InBatch || s.Pause != nil:
		return fmt.Errorf("batch %d or the pause after it has not ended", s.Batch)
	case e.Batch <= s.Batch || e.Batch > len(s.batches):
		return fmt.Errorf("it follows batch %d of %d", s.Batch, len(s.batches))
	}
	s.Batch, s.InBatch = e.Batch, true
	return nil
}

func (s *State) endBatch(e Event) error {
	if !s.InBatch || e.Batch != s.Batch {
		return fmt.Errorf("it is not that batch %d runs", e.Batch)
	}
	s.InBatch = false
	return nil
}

func (s *State) pause(e Event) error {
	if s.InBatch || s.Pause != nil || e.Batch != s.Batch {
		return fmt.Errorf("batch %d has not just ended", e.Batch)
	}
	s.Pause, s.pausedAfter = &Pause{Since: e.At}, e.Batch
	if !s.Spec.Policy.Confirm {
		s.Pause.Until = e.At.Add(s.Spec.Policy.Pause)
	}
	return nil
}

func (s *State) goOn() error {
	if s.Pause == nil {
		return errors.New("there is no pause")
	}
	s.Pause, s.wentOn = nil, s.Events+1
	return nil
}

func halt(which **Halt, e Event) error {
	if *which != nil {
		return errors.New("that was decided already")
	}
	*which = &Halt{At: e.At, By: e.By, Cause: e.Cause}
	return nil
}

// retry begins the course again with the hosts that need it. Those that are done
// stay done, and those that were not named as they are, but for those that are at
// work: they are seen through. If it ends a pause, those that are done are asked anew,
// as if it had been ended without a retry.
func (s *State) retry(e Event) error {
	if s.Returning {
		return errors.New("the rollout was rolled back")
	}
	chosen, err := s.choose(e.Hosts, func(h *HostState) bool { return h.Verdict != HostDone || s.ungated(h) })
	if err == nil {
		err = s.keptBack(chosen)
	}
	if err != nil && len(e.Hosts) > 0 {
		return err
	}
	wentOn := s.wentOn
	if s.Pause != nil {
		wentOn = s.Events + 1
	}
	s.Course = Course{wentOn: wentOn}
	for i := range s.hosts {
		h := &s.hosts[i]
		h.Wanted = chosen[i] || h.Verdict == HostRunning
		if chosen[i] && h.Verdict.Retriable() {
			h.restart(h.Attempt + 1)
		}
	}
	s.recount()
	return nil
}

// keptBack refuses to choose a host without the one of its pair of which nobody
// knows what became: it would have to wait for that one for ever.
func (s *State) keptBack(chosen []bool) error {
	for i, is := range chosen {
		for _, j := range s.pairs[i] {
			if is && !chosen[j] && s.hosts[j].InDoubt() && !s.hosts[i].InDoubt() {
				return fmt.Errorf("%s has to wait for %s, which is %s and of the same pair: retry both", s.hosts[i].Name, s.hosts[j].Name, s.hosts[j].Verdict)
			}
		}
	}
	return nil
}

// rollBack makes the rollout undo what it did to hosts. One that is stuck
// gets another attempt.
func (s *State) rollBack(e Event) error {
	chosen, err := s.choose(e.Hosts, (*HostState).Touched)
	if err != nil && len(e.Hosts) > 0 {
		return err
	}
	s.Course = Course{Batch: s.Batch, Stopped: s.Stopped, Returning: true, Because: e.Cause}
	for i := range s.hosts {
		h := &s.hosts[i]
		h.Wanted, h.Due, h.returning = chosen[i], chosen[i], h.returning || chosen[i]
		if chosen[i] && h.Verdict == HostStuck {
			h.Attempt++
		}
	}
	s.recount()
	return nil
}

// choose returns which hosts are named, or all if none is, and fit.
func (s *State) choose(named []inventory.HostName, fit func(*HostState) bool) ([]bool, error) {
	chosen := make([]bool, len(s.hosts))
	for _, name := range named {
		if _, ok := s.index[name]; !ok {
			return nil, fmt.Errorf("%s takes no part in this rollout", name)
		}
	}
	for i := range s.hosts {
		is := len(named) == 0 || slices.Contains(named, s.hosts[i].Name)
		chosen[i] = is && fit(&s.hosts[i])
	}
	if !slices.Contains(chosen, true) {
		return chosen, errors.New("no host needs it")
	}
	return chosen, nil
}

// ungated reports whether the host is done and its gate is still to come.
func (s *State) ungated(h *HostState) bool {
	return s.Spec.Policy.Gate && h.Verdict == HostDone && h.Gate == Pending
}
