package cli

import (
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// waits returns how long a follower takes to see that a rollout is left.
func (w *watchtower) waits(id rollout.ID) <-chan time.Duration {
	w.t.Helper()
	took := make(chan time.Duration, 1)
	begun, f := time.Now(), w.daemon.follower()
	go func() {
		f.wait(w.t.Context(), id)
		took <- time.Since(begun)
	}()
	return took
}

// TestFollowerWaits: who follows a rollout of another controller does so as long as
// that one has its lease, and then until a third one would have resumed it.
func TestFollowerWaits(t *testing.T) {
	t.Parallel()
	w := newWatchtower(t)
	id := w.create()
	l := w.lease(id)
	took := w.waits(id)
	const held = 2 * scanEvery
	select {
	case d := <-took:
		t.Errorf("it is left after %v, and another controller runs it", d)
	case <-time.After(held):
	}
	l.Release()
	if d := <-took; d < held+resumedIn-scanEvery {
		t.Errorf("nobody had resumed it, and it was left after %v", d)
	}
}

// TestFollowerLeaves: nobody resumes a rollout whose plan a person has to approve.
func TestFollowerLeaves(t *testing.T) {
	t.Parallel()
	w := newWatchtower(t)
	r, err := w.daemon.journal.Create(t.Context(), rollout.Spec{
		Mode: rollout.Install, Packages: []rollout.Package{{Name: "shop"}}, Hosts: []inventory.HostName{"web1"},
		Policy: rollout.Policy{Parallel: 1}, Planned: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := <-w.waits(r.ID()); d > resumedIn/2 {
		t.Errorf("it is left after %v", d)
	}
}
