package agent

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// gap is the shortest time between the beginnings of two looks at a probe, and
// between two reports for news, as where a unit comes and goes.
const gap = 500 * time.Millisecond

// lookout looks at the probes of a host, each in a loop of its own.
type lookout struct {
	look    func(context.Context, health.Probe) health.Result
	board   *board
	every   time.Duration
	watches []*watch

	stop context.CancelFunc
	all  sync.WaitGroup
}

// watch is what looks at one probe.
type watch struct {
	probe health.Probe
	cause signal
	busy  chan struct{} // full while somebody looks
}

// start begins to look at the probes, until stopped.
func (l *lookout) start(probes []health.Probe) {
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	for _, p := range probes {
		w := &watch{probe: p, cause: newSignal(), busy: make(chan struct{}, 1)}
		l.watches = append(l.watches, w)
		l.all.Go(func() { l.keepLooking(ctx, w) })
	}
}

// halt returns once nobody looks any more.
func (l *lookout) halt() {
	l.stop()
	l.all.Wait()
}

func (l *lookout) keepLooking(ctx context.Context, w *watch) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var soonest time.Time // that it is looked for a cause
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.cause:
			if rest := time.Until(soonest); rest > 0 {
				timer.Reset(rest)
				continue
			}
		case <-timer.C:
		}
		soonest = time.Now().Add(gap)
		l.once(ctx, w)
		timer.Reset(jitter(l.every))
	}
}

// jitter returns about d, so that what begins together does not stay so.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}

// once looks, unless somebody else still does when ctx ends. A look that ctx cut
// short says nothing.
func (l *lookout) once(ctx context.Context, w *watch) {
	select {
	case w.busy <- struct{}{}:
		defer func() { <-w.busy }()
	case <-ctx.Done():
		return
	}
	r := l.look(ctx, w.probe)
	if ctx.Err() == nil {
		l.board.put(r, time.Now())
	}
}

// fresh looks at all probes now, and returns when that is done or ctx ends.
func (l *lookout) fresh(ctx context.Context) {
	var all sync.WaitGroup
	for _, w := range l.watches {
		all.Go(func() { l.once(ctx, w) })
	}
	all.Wait()
}

// because looks soon at those probes that there is cause for.
func (l *lookout) because(of func(health.Probe) bool) {
	for _, w := range l.watches {
		if of(w.probe) {
			w.cause.give()
		}
	}
}
