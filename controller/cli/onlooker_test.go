package cli

import (
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// waits returns how long an onlooker takes to see that a rollout is left.
func (w *watchtower) waits(id rollout.ID) <-chan time.Duration {
	w.t.Helper()
	took := make(chan time.Duration, 1)
	begun, o := time.Now(), w.daemon.onlooker()
	go func() {
		o.wait(w.t.Context(), id)
		took <- time.Since(begun)
	}()
	return took
}

// TestOnlookerWaits: who follows a rollout of another controller does so as long as
// that one has its lease, and then until a third one would have taken it.
func TestOnlookerWaits(t *testing.T) {
	t.Parallel()
	w := newWatchtower(t)
	id := w.create()
	l := w.lease(id)
	took := w.waits(id)
	const held = 2 * scanEvery
	select {
	case d := <-took:
		t.Errorf("it is left after %v, in the hands of another controller", d)
	case <-time.After(held):
	}
	l.Release()
	if d := <-took; d < held+takenUpIn-scanEvery {
		t.Errorf("nobody had taken it up, and it was left after %v", d)
	}
}

// TestOnlookerLeaves: nobody takes up a rollout whose plan a person has to approve.
func TestOnlookerLeaves(t *testing.T) {
	t.Parallel()
	w := newWatchtower(t)
	r, err := w.daemon.journal.Create(t.Context(), rollout.Spec{
		Mode: rollout.Install, Packages: []rollout.Package{{Name: "shop"}}, Hosts: []inventory.HostName{"web1"},
		Policy: rollout.Policy{Parallel: 1}, Planned: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := <-w.waits(r.ID()); d > takenUpIn/2 {
		t.Errorf("it is left after %v", d)
	}
}
