package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/lease"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// acquire makes the rollout this run's: in this process, and among all controllers.
func (r *rolloutRun) acquire(ctx context.Context, id rollout.ID) (err error) {
	release, err := r.in.acquire(id)
	if err != nil {
		return err
	}
	leases, closeLeases, err := r.leases(ctx)
	if err != nil {
		release()
		return err
	}
	if r.lease, err = leases.Take(ctx, string(id)); err != nil {
		closeLeases()
		release()
		return err
	}
	r.release = func() {
		r.lease.Release()
		closeLeases()
		release()
	}
	return nil
}

// leases are those of the daemon, or opened for this command.
func (r *rolloutRun) leases(ctx context.Context) (leases *lease.Leases, done func(), err error) {
	if r.in.request != nil {
		return r.in.request.daemon.leases, func() {}, nil
	}
	if leases, err = lease.Open(ctx, r.journal.bus, author()); err != nil {
		return nil, nil, err
	}
	return leases, leases.Close, nil
}

// withLease returns a context that ends with ctx, or with engine.ErrTaken when the
// rollout is another controller's, or may be.
func (r *rolloutRun) withLease(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	held, done := r.lease.While(ctx)
	stop := context.AfterFunc(held, func() {
		cause := context.Cause(held)
		if r.in.request != nil && lostLease(cause) { // nobody waits for what would say it
			r.in.request.daemon.log.Warn("a rollout is let go", "rollout", string(r.id), "error", cause)
		}
		end(fmt.Errorf("%w: %w", engine.ErrTakenOver, cause))
	})
	return ctx, func() {
		stop()
		done()
		end(nil)
	}
}

// leasedJournal takes events as long as the rollout is ours. The journal refuses them
// once somebody else has taken the rollout; this refuses them before.
type leasedJournal struct {
	*journal.Writer
	lease *lease.Lease
}

func (j leasedJournal) Append(ctx context.Context, e rollout.Event) error {
	if err := j.lease.Err(); err != nil {
		return err
	}
	return j.Writer.Append(ctx, e)
}

// lostLease reports whether something ended because another controller may have it.
func lostLease(err error) bool {
	_, lost := errors.AsType[*lease.LostError](err)
	return lost
}
