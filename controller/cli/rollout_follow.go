package cli

import (
	"context"
	"time"

	"github.com/aptfleet/aptfleet/controller/lease"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

// follower knows until when the events of a rollout are worth following, whoever runs
// it. It may be used concurrently.
type follower struct {
	journal openJournal
	leases  *lease.Leases
	here    func(rollout.ID) <-chan struct{} // what is closed when this process leaves it; nil where it has not got it
}

// resumedIn is for how long nobody may run a rollout that is not over: once its
// controller's lease has ended, another one resumes it in that time.
const resumedIn = 5 * time.Second

// until returns what waits until a rollout is left: over, left to a person, or
// resumed by nobody. It is nil for one that nobody can be running.
func (f follower) until(id rollout.ID) (left func(context.Context)) {
	if !f.journal.bus.Embedded() {
		return func(ctx context.Context) { f.wait(ctx, id) }
	}
	here := f.here(id)
	if here == nil {
		return nil
	}
	return closed(here)
}

// closed returns what waits for a channel to be closed.
func closed(c <-chan struct{}) func(context.Context) {
	return func(ctx context.Context) {
		select {
		case <-c:
		case <-ctx.Done():
		}
	}
}

// wait waits among many controllers. What cannot be seen now is looked at again: those
// who read the rollout's events are told of trouble by these.
func (f follower) wait(ctx context.Context, id rollout.ID) {
	var missed time.Time // since when nobody runs it
	for ctx.Err() == nil {
		if here := f.here(id); here != nil {
			closed(here)(ctx)
			missed = time.Time{}
			continue
		}
		by, err := f.leases.Holder(ctx, string(id))
		switch {
		case err != nil:
		case by != "":
			missed = time.Time{}
		case missed.IsZero():
			state, err := f.journal.Read(ctx, id)
			if err == nil && (state.Phase == rollout.Finished || leftToPerson(state)) {
				return
			}
			missed = time.Now()
		case time.Since(missed) > resumedIn:
			return
		}
		_ = pause.For(ctx, scanEvery) // if ctx has ended, so does the loop
	}
}
