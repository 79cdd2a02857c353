package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// ErrNotFound is returned for a rollout that the journal does not have.
var ErrNotFound = errors.New("there is no such rollout")

// Journal is all rollouts of a bus. It may be used concurrently.
type Journal struct {
	bus *bus.Bus
	by  string
	now func() time.Time
}

// New returns the journal of a bus. by tells other people who writes, such as
// "ada@deploy (4711)".
func New(b *bus.Bus, by string) *Journal {
	return &Journal{bus: b, by: by, now: time.Now}
}

func decisions(id rollout.ID) string  { return "j." + string(id) + ".ctl" }
func hostEvents(id rollout.ID) string { return "j." + string(id) + ".res" }
func allEvents(id rollout.ID) string  { return "j." + string(id) + ".*" }

// Create begins a rollout under the next free id. Of two who do so at once,
// each gets an id of its own.
func (j *Journal) Create(ctx context.Context, spec rollout.Spec) (*Writer, error) {
	if err := spec.Validate(); err != nil {
		return nil, fmt.Errorf("cannot create rollout: %w", err)
	}
	ids, err := j.ids(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot create rollout: %w", err)
	}
	n := 1
	if len(ids) > 0 {
		n = ids[0].Number() + 1
	}
	for ; ; n++ {
		w := newWriter(j, rollout.NewID(n), history{})
		err := w.Append(ctx, rollout.Event{Kind: rollout.KindCreated, Spec: &spec})
		var fenced *FencedError
		if errors.As(err, &fenced) {
			continue // somebody else was given this id
		}
		return w, err
	}
}

// Take goes on with a rollout and shuts out whoever had it before.
func (j *Journal) Take(ctx context.Context, id rollout.ID) (*Writer, error) {
	h, err := j.replay(ctx, id)
	if err != nil {
		return nil, err
	}
	w := newWriter(j, id, h)
	if err := w.Append(ctx, rollout.Event{Kind: rollout.KindTaken}); err != nil {
		return nil, err
	}
	// The one before may have written between the replay and the taking.
	if h, err = j.replay(ctx, id); err != nil {
		return nil, err
	}
	return newWriter(j, id, h), nil
}

// Read folds a rollout's events. If some are missing the error is a *GapError,
// and the state is that before the gap.
func (j *Journal) Read(ctx context.Context, id rollout.ID) (*rollout.State, error) {
	h, err := j.replay(ctx, id)
	return &h.state, err
}
