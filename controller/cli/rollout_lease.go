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

// own takes the rollout in hand: in this process, and among all controllers.
func (c *carrier) own(ctx context.Context, id rollout.ID) (err error) {
	release, err := c.in.hold(id)
	if err != nil {
		return err
	}
	leases, closeLeases, err := c.leases(ctx)
	if err != nil {
		release()
		return err
	}
	if c.lease, err = leases.Take(ctx, string(id)); err != nil {
		closeLeases()
		release()
		return err
	}
	c.release = func() {
		c.lease.Release()
		closeLeases()
		release()
	}
	return nil
}

// leases are those of the daemon, or opened for this command.
func (c *carrier) leases(ctx context.Context) (leases *lease.Leases, done func(), err error) {
	if c.in.errand != nil {
		return c.in.errand.daemon.leases, func() {}, nil
	}
	if leases, err = lease.Open(ctx, c.journal.bus, author()); err != nil {
		return nil, nil, err
	}
	return leases, leases.Close, nil
}

// owned returns a context that ends with ctx, or with engine.ErrTaken when the
// rollout is in other hands, or may be.
func (c *carrier) owned(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	held, done := c.lease.While(ctx)
	stop := context.AfterFunc(held, func() {
		cause := context.Cause(held)
		if c.in.errand != nil && lostLease(cause) { // nobody waits for what would say it
			c.in.errand.daemon.log.Warn("a rollout is let go", "rollout", string(c.id), "error", cause)
		}
		end(fmt.Errorf("%w: %w", engine.ErrTaken, cause))
	})
	return ctx, func() {
		stop()
		done()
		end(nil)
	}
}

// ownJournal takes events as long as the rollout is ours. The journal refuses them
// once somebody else has taken the rollout; this refuses them before.
type ownJournal struct {
	*journal.Writer
	lease *lease.Lease
}

func (j ownJournal) Append(ctx context.Context, e rollout.Event) error {
	if err := j.lease.Err(); err != nil {
		return err
	}
	return j.Writer.Append(ctx, e)
}

// lostLease reports whether something ended because others may have it in hand.
func lostLease(err error) bool {
	_, lost := errors.AsType[*lease.LostError](err)
	return lost
}
