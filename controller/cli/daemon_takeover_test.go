package cli

import (
	"context"
	"log/slog"
	"testing"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/config"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/lease"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// watchtower is a takeover of a daemon that resumes rollouts and does nothing more
// with them, and another controller on its bus.
type watchtower struct {
	*takeover
	t     *testing.T
	other *lease.Leases
	taken int // since the last look
}

func newWatchtower(t *testing.T) *watchtower {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{State: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	w := &watchtower{t: t}
	d := newDaemon(slog.New(slog.DiscardHandler), &config.Config{}, openJournal{journal.New(b, "other"), b}, func(func(context.Context)) { w.taken++ })
	if d.leases, err = lease.Open(t.Context(), b, "this"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.leases.Close)
	if w.other, err = lease.Open(t.Context(), b, "other"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.other.Close)
	w.takeover = newTakeover(d)
	w.alone = false
	return w
}

// create begins a rollout of the other controller.
func (w *watchtower) create() rollout.ID {
	w.t.Helper()
	spec := rollout.Spec{
		Mode: rollout.Install, Packages: []rollout.Package{{Name: "shop"}}, Hosts: []inventory.HostName{"web1"},
		Policy: rollout.Policy{Parallel: 1},
	}
	r, err := w.daemon.journal.Create(w.t.Context(), spec)
	if err != nil {
		w.t.Fatal(err)
	}
	return r.ID()
}

func (w *watchtower) lease(id rollout.ID) *lease.Lease {
	w.t.Helper()
	l, err := w.other.Take(w.t.Context(), string(id))
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// looks wants a look to resume so many rollouts, and to have the next one at once
// or not.
func (w *watchtower) looks(taken int, atOnce bool) {
	w.t.Helper()
	w.taken = 0
	lost, err := w.scan(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if w.taken != taken || lost != atOnce {
		w.t.Errorf("it resumes %d, and looks again at once: %v; want %d, %v", w.taken, lost, taken, atOnce)
	}
}

// TestTakeoverLooks: a rollout that is just being created is let be; one that was
// held is resumed as soon as two looks have missed its lease, and the second look
// does not wait.
func TestTakeoverLooks(t *testing.T) {
	w := newWatchtower(t)
	id := w.create()
	w.looks(0, false)
	l := w.lease(id)
	w.looks(0, false)
	l.Release()
	w.looks(0, true)
	w.looks(1, false)
	w.looks(0, false) // it is ours
}

// TestTakeoverAnew: of a rollout that could not be resumed, since another controller
// was faster, nothing may be decided until that one dies too.
func TestTakeoverAnew(t *testing.T) {
	w := newWatchtower(t)
	id := w.create()
	w.looks(0, false)
	w.looks(1, false)
	l := w.lease(id)
	w.daemon.release(id)
	w.looks(0, false)
	l.Release()
	w.looks(0, true)
	w.looks(1, false)
	w.daemon.release(id)
	w.looks(0, false) // which has been tried, and nobody has had it since
}
