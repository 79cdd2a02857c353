package lease

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/aptfleet/aptfleet/controller/bus"
)

// open returns the leases on the bus of a state folder, until close.
func open(t *testing.T, state, by string) (l *Leases, close func()) {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{State: state, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if l, err = Open(t.Context(), b, by); err != nil {
		t.Fatal(err)
	}
	return l, func() {
		l.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestServer holds a lease on a real server.
func TestServer(t *testing.T) {
	leases, done := open(t, t.TempDir(), "a")
	defer done()
	other := &Leases{bucket: leases.bucket, by: "b", ask: leases.ask}
	k, err := leases.Take(t.Context(), "rollout.R7")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := k.renew(t.Context()); err != nil {
			t.Errorf("cannot renew: %v", err)
		}
	}
	k.revision-- // as if the last acknowledgement had not come
	if err := k.renew(t.Context()); err != nil {
		t.Errorf("cannot renew after a lost acknowledgement: %v", err)
	}
	_, err = other.Take(t.Context(), "rollout.R7")
	if held, ok := errors.AsType[*HeldError](err); !ok || held.By != "a" {
		t.Errorf("another one gets %v", err)
	}
	if by, err := other.Holder(t.Context(), "rollout.R7"); by != "a" || err != nil {
		t.Errorf("it is in the hands of %q, %v", by, err)
	}
	k.Release()
	if by, err := other.Holder(t.Context(), "rollout.R7"); by != "" || err != nil {
		t.Errorf("it was released, and in the hands of %q, %v", by, err)
	}
	if k, err = other.Take(t.Context(), "rollout.R7"); err != nil {
		t.Fatal(err)
	}
	k.Release()
}

// TestAlone: on a bus in this process, nobody else can be alive.
func TestAlone(t *testing.T) {
	state := t.TempDir()
	leases, done := open(t, state, "a")
	k, err := leases.Take(t.Context(), "rollout.R7")
	if err != nil {
		t.Fatal(err)
	}
	k.end(errReleased) // as by death: nobody gives the lease back
	<-k.done
	done()
	leases, done = open(t, state, "b")
	defer done()
	if k, err = leases.Take(t.Context(), "rollout.R7"); err != nil {
		t.Fatal(err)
	}
	k.Release()
}

// TestLead: who leads is one at a time, and follows at once who goes.
func TestLead(t *testing.T) {
	leases, done := open(t, t.TempDir(), "a")
	defer done()
	log := slog.New(slog.DiscardHandler)
	const terms = 3
	leading, led := 0, 0 // not guarded: the race detector sees who leads at the same time
	ends := make(chan struct{})
	for range terms {
		go func() {
			ctx, cancel := context.WithCancel(t.Context())
			leases.Lead(ctx, "schedules", log, func(context.Context) {
				if leading++; leading > 1 {
					t.Errorf("%d lead", leading)
				}
				led++
				leading--
				cancel()
			})
			ends <- struct{}{}
		}()
	}
	for range terms {
		<-ends
	}
	if led != terms {
		t.Errorf("%d led, want %d", led, terms)
	}
}
