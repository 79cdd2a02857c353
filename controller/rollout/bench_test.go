package rollout

import (
	"fmt"
	"testing"

	"github.com/aptfleet/aptfleet/inventory"
)

// BenchmarkFold decodes and folds the 70,001 events of 10,000 hosts.
func BenchmarkFold(b *testing.B) {
	const hosts = 10_000
	var stored [][]byte
	keep := func(e Event) {
		e.At, e.By, e.Term = noon, "ada@deploy (4711)", 1
		data, err := e.Encode()
		if err != nil {
			b.Fatal(err)
		}
		stored = append(stored, data)
	}
	names := make([]inventory.HostName, hosts)
	for i := range names {
		names[i] = inventory.HostName(fmt.Sprintf("web-%05d.example.com", i))
	}
	keep(Event{Kind: KindCreated, Spec: someSpec(names...)})
	for _, h := range names {
		for _, step := range []string{"refresh", "install", "verify"} {
			keep(Event{Kind: KindStep, Host: h, Attempt: 1, Step: step, Status: Doing})
			keep(Event{Kind: KindStep, Host: h, Attempt: 1, Step: step, Status: Done})
		}
		keep(Event{Kind: KindResult, Host: h, Attempt: 1, Verdict: HostDone, Before: Versions{"shop-web": "1"}, After: Versions{"shop-web": "2"}})
	}
	b.ReportAllocs()
	for b.Loop() {
		var s State
		for _, data := range stored {
			e, err := DecodeEvent(data)
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Apply(e); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/hosts, "µs/host")
}

// BenchmarkNext asks what comes next in the midst of the last batch of a rollout
// of 10,000 hosts with as many in hand as there may be, which is asked after
// every host unless several end at once.
func BenchmarkNext(b *testing.B) {
	const hosts, parallel = 10_000, 512
	spec := someSpec()
	spec.Policy = Policy{Parallel: parallel, MaxFailures: Percent(5), Gate: true, Deadline: 1}
	for i := range hosts {
		spec.Hosts = append(spec.Hosts, inventory.HostName(fmt.Sprintf("web-%05d.example.com", i)))
	}
	var s State
	busy := map[inventory.HostName]bool{}
	apply := func(events ...Event) {
		for _, e := range events {
			if e.Attempt = 1; s.Apply(e) != nil {
				b.Fatal(e)
			}
		}
	}
	apply(Event{Kind: KindCreated, Spec: spec}, Event{Kind: KindBatchBegun, Batch: 1})
	for _, h := range spec.Hosts[:hosts/2] {
		apply(Event{Kind: KindStep, Host: h, Step: "apt", Status: Doing}, Event{Kind: KindStep, Host: h, Step: "apt", Status: Done},
			Event{Kind: KindResult, Host: h, Verdict: HostDone}, Event{Kind: KindGate, Host: h, Status: Done})
	}
	for _, h := range spec.Hosts[hosts/2:][:parallel-1] {
		busy[h] = true
	}
	for b.Loop() {
		if d := s.Next(busy); len(d.Work) != 1 {
			b.Fatal(d)
		}
	}
}
