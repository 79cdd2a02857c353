package agent

import (
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// drift is how much the time from which on a result is as it is may move
// without that being news: it is worked out anew each time.
const drift = time.Second

// board has the newest result of every probe, and since when it is so. It may be
// used concurrently.
type board struct {
	news signal // that something is not as it was

	mu      sync.Mutex
	results map[string]health.Result // by the name of the probe
}

// signal wakes whoever waits for it. Given several times, it wakes once.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) give() {
	select {
	case s <- struct{}{}:
	default:
	}
}

func newBoard() *board {
	return &board{news: newSignal(), results: map[string]health.Result{}}
}

// put takes the result of a look that ended now.
func (b *board) put(r health.Result, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before, known := b.results[r.Probe]
	same := known && before.OK == r.OK
	switch {
	case r.Since.IsZero() && same, same && r.Since.Sub(before.Since).Abs() < drift:
		r.Since = before.Since
	case r.Since.IsZero():
		r.Since = now
	}
	b.results[r.Probe] = r
	if !same || !r.Since.Equal(before.Since) {
		b.news.give()
	}
}

// of returns the results of those of the probes that have one, in their order.
func (b *board) of(probes []health.Probe) []health.Result {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []health.Result
	for _, p := range probes {
		if r, known := b.results[p.Name()]; known {
			all = append(all, r)
		}
	}
	return all
}

// keep forgets the results of all other probes.
func (b *board) keep(probes []health.Probe) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := make(map[string]health.Result, len(probes))
	for _, p := range probes {
		if r, known := b.results[p.Name()]; known {
			kept[p.Name()] = r
		}
	}
	b.results = kept
}
