package engine

import (
	"context"
	"errors"
	"time"
)

// ErrTakenOver is wrapped by the cause with which a context ends when somebody else
// has what is carried out, or may have it. What is under way is then let go at
// once: it is theirs to attach to and to journal.
var ErrTakenOver = errors.New("it is no longer ours")

// withGrace returns a context that is cancelled grace after ctx, with the same
// cause. With a grace of 0 it is never cancelled, but at once after ErrTakenOver.
func withGrace(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), ErrTakenOver) {
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
