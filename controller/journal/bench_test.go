package journal

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// BenchmarkAppend writes one event after the other; every one is synced. The
// store is in the folder of temporary files: point TMPDIR at the disk that
// matters.
func BenchmarkAppend(b *testing.B) {
	j := New(openBus(b, b.TempDir()), "bench")
	w := create(b, j, manyHosts(b.N)...)
	took := make([]time.Duration, 0, b.N)
	for _, h := range w.history.state.Spec.Hosts {
		start := time.Now()
		mustAppend(b, w, step(h, rollout.Doing))
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2]), "median-ns")
	b.ReportMetric(float64(took[len(took)*99/100]), "p99-ns")
}

// BenchmarkAppendAtOnce lets 1,000 hosts report at the same time; an operation
// is one event.
func BenchmarkAppendAtOnce(b *testing.B) {
	j := New(openBus(b, b.TempDir()), "bench")
	w := create(b, j, manyHosts(b.N)...)
	b.ResetTimer()
	atOnce(b, w, func(h inventory.HostName) []rollout.Event { return []rollout.Event{step(h, rollout.Doing)} })
}

// atOnce appends the events of every host, 1,000 hosts at a time.
func atOnce(b *testing.B, w *Writer, events func(inventory.HostName) []rollout.Event) {
	var hosts errgroup.Group
	hosts.SetLimit(1000)
	for _, h := range w.history.state.Spec.Hosts {
		hosts.Go(func() error {
			for _, e := range events(h) {
				if err := w.Append(b.Context(), e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := hosts.Wait(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRead folds a rollout of 10,000 hosts with 7 events each.
func BenchmarkRead(b *testing.B) {
	const hosts = 10_000
	j := New(openBus(b, b.TempDir()), "bench")
	w := create(b, j, manyHosts(hosts)...)
	atOnce(b, w, func(h inventory.HostName) []rollout.Event {
		var events []rollout.Event
		for _, name := range []string{"refresh", "install", "verify"} {
			doing, done := step(h, rollout.Doing), step(h, rollout.Done)
			doing.Step, done.Step = name, name
			events = append(events, doing, done)
		}
		return append(events, result(h, rollout.HostDone))
	})
	for b.Loop() {
		state, err := j.Read(b.Context(), w.ID())
		if err != nil || state.Summary().Done != hosts {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/hosts, "µs/host")
}
