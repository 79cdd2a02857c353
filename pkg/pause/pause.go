// Package pause waits for a time, unless there is a reason not to.
package pause

import (
	"context"
	"time"
)

// For waits for d, and returns nil. If ctx ends before that it returns its cause,
// at once.
func For(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
