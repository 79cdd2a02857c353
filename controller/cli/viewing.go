package cli

import (
	"context"
	"iter"
	"sync"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

// viewing shows the events of a rollout as they are journaled, in a goroutine of
// its own.
type viewing struct {
	end  context.CancelFunc
	done chan struct{}

	mu          sync.Mutex
	seen, total int // events; total is 0 while nobody knows
}

// view begins to show a rollout, without the first past events.
func (a *app) view(ctx context.Context, past int, events func(context.Context) iter.Seq2[rollout.Event, error], bar *progress) *viewing {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	v := &viewing{end: cancel, done: make(chan struct{})}
	go func() {
		defer close(v.done)
		a.follow(ctx, without(past, v.count(events(ctx))), bar)
	}()
	return v
}

// count counts events once they have been shown.
func (v *viewing) count(events iter.Seq2[rollout.Event, error]) iter.Seq2[rollout.Event, error] {
	return func(yield func(rollout.Event, error) bool) {
		for e, err := range events {
			if !yield(e, err) {
				return
			}
			v.mu.Lock()
			v.seen++
			v.endIfSeen()
			v.mu.Unlock()
		}
	}
}

// endIfSeen is called with mu held.
func (v *viewing) endIfSeen() {
	if v.total > 0 && v.seen >= v.total {
		v.end()
	}
}

// stop returns once as many events have been shown as the rollout has.
func (v *viewing) stop(total int) {
	v.mu.Lock()
	v.total = total
	v.endIfSeen()
	v.mu.Unlock()
	<-v.done
	v.end()
}
