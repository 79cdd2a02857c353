package agent

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/agent/probe"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// When upgrades are counted, which takes a second or two of the processor.
const (
	factsEvery = 10 * time.Second // it is looked for a cause
	quiet      = 30 * time.Second // must have passed since the last change
	apart      = 5 * time.Minute  // between two counts
	atLeast    = 24 * time.Hour   // it is counted, since apt's preferences may have changed
	counting   = 3 * time.Minute  // it may take
)

// facts are kept until there is cause to find them anew. They may be used
// concurrently.
type facts struct {
	version string
	apt     probe.Apt
	dpkg    *probe.Dpkg
	reboot  *probe.Reboot
	log     *slog.Logger

	mu       sync.Mutex
	upgrades *health.Upgrades

	stamp   string    // of dpkg's record and the lists when they last changed
	changed time.Time // then
	counted string    // stamp of the last count
	last    time.Time // count
}

// keep finds the facts again and again, until ctx ends.
func (f *facts) keep(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if f.due(time.Now()) {
			f.count(ctx)
		}
		timer.Reset(jitter(factsEvery))
	}
}

// due reports whether it is time to count.
func (f *facts) due(now time.Time) bool {
	if stamp := f.dpkg.Stamp() + f.apt.Stamp(); stamp != f.stamp {
		f.stamp, f.changed = stamp, now
	}
	news := f.stamp != f.counted || now.Sub(f.last) > atLeast
	return news && now.Sub(f.changed) >= quiet && (f.last.IsZero() || now.Sub(f.last) >= apart)
}

// count asks apt. What cannot be told is not known, until something changes.
func (f *facts) count(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, counting)
	defer cancel()
	f.counted, f.last = f.stamp, time.Now()
	found, err := f.apt.Upgrades(ctx)
	if err != nil {
		f.log.Warn("the pending upgrades are not known", "error", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.upgrades = found
}

// now returns the facts; what cannot be found out is left out.
func (f *facts) now() *health.Facts {
	found := &health.Facts{Agent: f.version}
	f.mu.Lock()
	if f.upgrades != nil {
		u := *f.upgrades
		found.Upgrades = &u
	}
	f.mu.Unlock()
	if age, err := f.apt.ListsAge(); err == nil && found.Upgrades != nil {
		found.Upgrades.Lists = age
	}
	if required, err := f.reboot.Required(); err == nil {
		found.RebootRequired = required
	}
	if total, available, err := probe.MemoryOf("/proc/meminfo"); err == nil {
		found.Memory, found.Available = total, available
	}
	return found
}
