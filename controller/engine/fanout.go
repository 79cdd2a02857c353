package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/aptfleet/aptfleet/inventory"
)

// Result is what became of one host.
type Result struct {
	Host inventory.HostName
	Err  error
}

// EachHost runs fn for every host, at most limit at a time, and returns one
// result a host, in the order of hosts. Once ctx is cancelled, hosts not yet
// started fail with its cause; those that run are left to finish.
func EachHost(ctx context.Context, hosts []inventory.Host, limit int, fn func(inventory.Host) Result) []Result {
	results := make([]Result, len(hosts))
	var g errgroup.Group // not WithContext, which would cancel the neighbours
	g.SetLimit(limit)
	for i, h := range hosts {
		g.Go(func() error {
			if ctx.Err() != nil {
				results[i] = Result{Host: h.Name, Err: fmt.Errorf("%s: not started: %w", h.Name, context.Cause(ctx))}
				return nil
			}
			results[i] = fn(h)
			return nil
		})
	}
	_ = g.Wait() // always nil: the errors are in results
	return results
}

// ErrTaken is wrapped by the cause with which a context ends when somebody else
// has what is carried out, or may have it. What is under way is then let go at
// once: it is theirs to attach to and to journal.
var ErrTaken = errors.New("it is no longer ours")

// outlive returns a context that is cancelled grace after ctx, with the same
// cause. With a grace of 0 it is never cancelled, but at once after ErrTaken.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), ErrTaken) {
			cancel(context.Cause(ctx))
			return
		}
		if grace == 0 {
			return
		}
		select {
		case <-time.After(grace):
			cancel(context.Cause(ctx))
		case <-lasting.Done():
		}
	})
	return lasting, func() {
		stop()
		cancel(nil)
	}
}
