package journal

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// receiveSome receives until done says so.
func receiveSome(t *testing.T, j *Journal, name string, done func(Delivery) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	enough := false
	err := j.Deliveries(ctx, name, func(d Delivery) {
		if done(d) {
			enough = true
			cancel()
		}
	})
	if err != nil || !enough {
		t.Fatalf("receiving ended with %v, enough: %v", err, enough)
	}
}

// TestDeliveries: a decision comes again until it is settled, in another process
// too, and one that waits holds no other up.
func TestDeliveries(t *testing.T) {
	state := t.TempDir()
	b, err := bus.Open(t.Context(), bus.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	j := New(b, "ada")
	create(t, j, "before")
	var got []string
	tell := func(d Delivery) { got = append(got, fmt.Sprintf("%s %s %d", d.ID, d.Event.Kind, d.Tries)) }
	if _, err := j.deliveries(t.Context(), source{"ops", bus.Journal, decisions("*")}); err != nil { // from here on
		t.Fatal(err)
	}
	w := create(t, j, "web1")
	if _, err := w.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	receiveSome(t, j, "ops", func(d Delivery) bool {
		tell(d)
		if d.Event.Kind == rollout.KindFinished {
			if err := d.Settle(t.Context()); err != nil {
				t.Error(err)
			}
			return true
		}
		if err := d.Again(time.Millisecond); err != nil {
			t.Error(err)
		}
		return false
	})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	j = New(openBus(t, state), "ada")
	receiveSome(t, j, "ops", func(d Delivery) bool {
		tell(d)
		if err := d.Settle(t.Context()); err != nil {
			t.Error(err)
		}
		return d.Event.Kind == rollout.KindCreated
	})
	if !slices.Contains(got, "R2 created 1") || !slices.Contains(got, "R2 finished 1") || slices.Contains(got, "R1 created 1") {
		t.Errorf("delivered were %v", got)
	}
	if last := got[len(got)-1]; last == "R2 created 1" || last == "R2 finished 1" {
		t.Errorf("what was not settled did not come again: %v", got)
	}
}
