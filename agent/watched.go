package agent

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// watching is how long the version of a package is reported after somebody asked
// for it.
const watching = 30 * time.Minute

// watched are the packages that readers asked for. The zero value is none. It
// may be used concurrently.
type watched struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// add asks for packages; those that do not fit any more are left out, the
// longest asked for first.
func (w *watched) add(names []string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.until == nil {
		w.until = map[string]time.Time{}
	}
	for _, name := range names {
		w.until[name] = now.Add(watching)
	}
	for len(w.until) > 2*health.MaxWatched {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(w.until)), func(a, b string) int { return w.until[a].Compare(w.until[b]) })
		delete(w.until, oldest)
	}
}

// names returns those that are still asked for.
func (w *watched) names(now time.Time) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.until, func(_ string, until time.Time) bool { return now.After(until) })
	return slices.Collect(maps.Keys(w.until))
}
