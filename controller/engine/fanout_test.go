package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
)

// TestEachHost: a host that takes long holds up no other, and the results are in
// the order of hosts whoever ends first.
func TestEachHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := named("slow", "b", "c", "d", "e")
		start := time.Now()
		results := EachHost(t.Context(), hosts, 2, func(h inventory.Host) Result {
			time.Sleep(time.Minute)
			if h.Name == "slow" {
				time.Sleep(2 * time.Minute)
			}
			return Result{Host: h.Name}
		})
		if took, want := time.Since(start), 4*time.Minute; took != want {
			t.Errorf("two at a time, it took %v, want %v", took, want)
		}
		for i, r := range results {
			if r.Host != hosts[i].Name || r.Err != nil {
				t.Errorf("result %d is %+v", i, r)
			}
		}
	})
}

// TestEachHostCancelled: those at work end by themselves, and no other is begun.
func TestEachHostCancelled(t *testing.T) {
	hosts := named("a", "b")
	aborted := errors.New("aborted by ada")
	ctx, cancel := context.WithCancelCause(t.Context())
	results := EachHost(ctx, hosts, 1, func(h inventory.Host) Result {
		cancel(aborted)
		return Result{Host: h.Name}
	})
	if a, b := results[0], results[1]; a.Err != nil || b.Host != "b" || !errors.Is(b.Err, aborted) {
		t.Errorf("a ended as %+v and b as %+v", a, b)
	}
}
