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

// replay folds all that is in the journal of a rollout by now.
func (j *Journal) replay(ctx context.Context, id rollout.ID) (history, error) {
	var h history
	for s, err := range j.bus.Present(ctx, bus.Journal, allEvents(id)) {
		if errors.Is(err, bus.ErrMissing) {
			err = &GapError{ID: id, Reason: err.Error()}
		}
		if err == nil {
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
// not end by itself with the rollout, which may be resumed.
func (j *Journal) Watch(ctx context.Context, id rollout.ID) iter.Seq2[rollout.Event, error] {
	return func(yield func(rollout.Event, error) bool) {
		var h history
		for s, err := range j.bus.Follow(ctx, bus.Journal, allEvents(id), 1) {
			if ctx.Err() != nil {
				return
			}
			var e rollout.Event
			if err == nil {
				e, err = h.read(id, s)
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
