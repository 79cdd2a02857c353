package reports

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/aptfleet/aptfleet/controller/bus/bustest"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

// TestNodeLost: hosts are enrolled and forgotten, and several daemons hear of it,
// while each node of a cluster is lost.
func TestNodeLost(t *testing.T) {
	c := bustest.ForTest(t, 3, nil)
	b := c.OpenForTest(t)
	register, err := OpenRegister(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	daemons := make([]*Reports, 4) // some of which the node tells that is lost next
	for i := range daemons {
		if daemons[i], err = Open(t.Context(), b, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		defer daemons[i].Close()
	}
	n := 0
	c.LoseEach(t, b, map[string]bustest.Work{"enroll": func(ctx context.Context) error {
		n++
		host := inventory.HostName(fmt.Sprint("web", n))
		key, err := nkeys.CreateUser()
		if err != nil {
			return err
		}
		public, err := key.PublicKey()
		if err != nil {
			return err
		}
		if err := register.Enroll(ctx, Enrolled{Host: host, Agent: public, At: time.Now(), By: "ada"}); err != nil {
			return err
		}
		for _, d := range daemons {
			if err := d.hears(ctx, host); err != nil {
				return err
			}
		}
		return register.Forget(ctx, host)
	}})
}

// hears waits until a daemon knows that a host is enrolled.
func (r *Reports) hears(ctx context.Context, host inventory.HostName) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if _, err := r.Report(host); errors.Is(err, ErrNoReport) {
			return nil
		}
		if err := pause.For(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("a daemon does not hear of %s: %w", host, err)
		}
	}
}
