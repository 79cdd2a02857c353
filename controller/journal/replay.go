package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// history is the fold of a rollout's events and the end of their chain.
type history struct {
	state    rollout.State
	decision uint64 // sequence of the last decision
	through  uint64 // sequence of the decision up to which it is from a summary; 0 is that there is none
}

// read decodes the next message of the rollout and adds its event.
func (h *history) read(id rollout.ID, s bus.Stored) (rollout.Event, error) {
	e, err := rollout.DecodeEvent(s.Data)
	if err != nil {
		return e, &GapError{ID: id, Sequence: s.Sequence, Reason: err.Error()}
	}
	if reason := h.add(s.Sequence, e); reason != nil {
		return e, &GapError{ID: id, Sequence: s.Sequence, Reason: reason.Error()}
	}
	return e, nil
}

// add checks that an event is the next of the chain and folds it.
func (h *history) add(seq uint64, e rollout.Event) error {
	if e.Prev != h.decision {
		return fmt.Errorf("it follows the decision %d, and the last one here is %d", e.Prev, h.decision)
	}
	if e.Results != h.state.Results && !h.tookLate(e) {
		return fmt.Errorf("it follows %d events of hosts, and %d are here", e.Results, h.state.Results)
	}
	if err := h.state.Apply(e); err != nil {
		return err
	}
	if e.Kind.Decision() {
		h.decision = seq
	}
	return nil
}

// tookLate reports whether e took the rollout over without knowing of the last
// events of hosts that the one before wrote meanwhile.
func (h *history) tookLate(e rollout.Event) bool {
	return e.Kind == rollout.KindTaken && e.Results < h.state.Results
}

// replay folds all that is in the journal of a rollout by now. What is missing may have
// been purged while it was read, and then it is read again.
func (j *Journal) replay(ctx context.Context, id rollout.ID) (history, error) {
	h, err := j.fold(ctx, id)
	for {
		if _, gap := errors.AsType[*GapError](err); !gap {
			return h, err
		}
		before, errBefore := j.bus.Info(ctx, bus.Journal, hostEvents(id))
		h, err = j.fold(ctx, id)
		after, errAfter := j.bus.Info(ctx, bus.Journal, hostEvents(id))
		if errors.Join(errBefore, errAfter) != nil || after.State.Subjects[hostEvents(id)] >= before.State.Subjects[hostEvents(id)] {
			return h, err
		}
	}
}

func (j *Journal) fold(ctx context.Context, id rollout.ID) (history, error) {
	h, err := j.summarised(ctx, id)
	if err != nil {
		return h, fmt.Errorf("cannot read %s: %w", id, err)
	}
	for s, err := range j.bus.Present(ctx, bus.Journal, allEvents(id)) {
		if errors.Is(err, bus.ErrMissing) {
			err = &GapError{ID: id, Reason: err.Error()}
		}
		if err == nil && s.Sequence > h.through {
			_, err = h.read(id, s)
		}
		if err != nil {
			return h, fmt.Errorf("cannot read %s: %w", id, err)
		}
	}
	if h.state.Phase == rollout.Absent {
		return h, fmt.Errorf("cannot read %s: %w", id, ErrNotFound)
	}
	return h, nil
}

// Watch yields a rollout's events from the first on and then as they come, until
// ctx is cancelled, an error is yielded, or the caller has seen enough. It does
// not end by itself with the rollout, which may be resumed. Of what was summarised
// there are the decisions.
func (j *Journal) Watch(ctx context.Context, id rollout.ID) iter.Seq2[rollout.Event, error] {
	return func(yield func(rollout.Event, error) bool) {
		h, err := j.summarised(ctx, id)
		if err != nil {
			yield(rollout.Event{}, fmt.Errorf("cannot watch %s: %w", id, err))
			return
		}
		decided := 0
		for s, err := range j.bus.Follow(ctx, bus.Journal, allEvents(id), 1) {
			if ctx.Err() != nil {
				return
			}
			var e rollout.Event
			switch {
			case err != nil:
			case s.Sequence > h.through:
				e, err = h.read(id, s)
				e.Number = h.state.Events
			case s.Subject != decisions(id):
				continue // a purge was cut short
			default:
				e, err = rollout.DecodeEvent(s.Data)
				decided++
				if e.Number = decided + e.Results; s.Sequence == h.through {
					e.Number = h.state.Events
				}
			}
			if err != nil {
				err = fmt.Errorf("cannot watch %s: %w", id, err)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
