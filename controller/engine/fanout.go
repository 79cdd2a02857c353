package engine

import (
	"context"
	"fmt"

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
