package engine

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// nowhere is a journal that keeps nothing.
type nowhere struct{}

func (nowhere) Append(context.Context, rollout.Event) error { return nil }

// sound is a Watch of hosts that stay healthy.
type sound struct{}

func (sound) Begin(inventory.Host, rollout.HostState, func(error)) func() { return func() {} }

// BenchmarkRun runs a rollout of 10,000 hosts in batches with gates, on
// which nothing is done: what is left is what deciding and folding cost.
func BenchmarkRun(b *testing.B) {
	const count = 10_000
	hosts := make([]inventory.Host, count)
	for i := range hosts {
		hosts[i].Name = inventory.HostName(fmt.Sprintf("web-%05d.example.com", i))
		if i%2 == 0 {
			hosts[i].Mutex, hosts[i].Labels = "shop", map[string]string{"pair": fmt.Sprint(i / 4)}
		}
	}
	spec := &rollout.Spec{Mode: rollout.DistUpgrade, Policy: rollout.Policy{
		Parallel: 512, Batches: []rollout.Amount{rollout.Hosts(1), rollout.Percent(10), rollout.Percent(100)},
		MaxFailures: rollout.Percent(5), Gate: true, Deadline: 1e12,
	}}
	spec.Take(hosts)
	well := gateFunc(func(context.Context, inventory.Host) error { return nil })
	work := Work{Hosts: hosts, Task: always(fake{name: "apt"}), Gate: well, Watch: sound{}}
	b.ReportAllocs()
	for b.Loop() {
		var state rollout.State
		if err := state.Apply(rollout.Event{Kind: rollout.KindCreated, Spec: spec}); err != nil {
			b.Fatal(err)
		}
		if err := (&Engine{Journal: nowhere{}}).Run(b.Context(), &state, work); err != nil || state.ExitStatus() != rollout.ExitDone {
			b.Fatal(state.Summary(), err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB")
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/count, "µs/host")
}
