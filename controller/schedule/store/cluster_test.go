package store

import (
	"context"
	"errors"
	"testing"

	"github.com/aptfleet/aptfleet/controller/bus/bustest"
	"github.com/aptfleet/aptfleet/controller/schedule"
)

// TestNodeLost: runs are begun, amended and read while each node of a cluster is
// lost. Each is begun once, also where the answer to that is lost.
func TestNodeLost(t *testing.T) {
	c := bustest.ForTest(t, 3, nil)
	bus := c.OpenForTest(t)
	b, err := Open(t.Context(), bus)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	c.LoseEach(t, bus, map[string]bustest.Work{
		"begin": func(ctx context.Context) error {
			n++
			run, err := b.Begin(ctx, occurrence(n))
			if err != nil {
				return err
			}
			run.Outcome = schedule.Done
			if run, err = b.Amend(ctx, run); err != nil {
				return err
			}
			run.Revision--
			run.Text = "what somebody else wrote" // the same again, unanswered, would look like this one's own
			if _, err := b.Amend(ctx, run); ctx.Err() == nil && !errors.Is(err, schedule.ErrConflict) {
				t.Errorf("Amend of an old revision returned %v", err)
			}
			return nil
		},
		"runs":     func(ctx context.Context) error { _, err := b.Runs(ctx, "nightly"); return err },
		"settings": func(ctx context.Context) error { _, err := b.Settings(ctx, "nightly"); return err },
	})
}
