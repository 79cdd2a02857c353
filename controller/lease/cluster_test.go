package lease

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus/bustest"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

// TestNodeLost: no lease is lost with any node of a cluster, and others can be taken
// meanwhile.
func TestNodeLost(t *testing.T) {
	c := bustest.ForTest(t, 3, nil)
	b := c.OpenForTest(t)
	leases, err := Open(t.Context(), b, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer leases.Close()
	kept, err := leases.Take(t.Context(), "R1")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	c.LoseEach(t, b, map[string]bustest.Work{
		"keep": func(ctx context.Context) error {
			_ = pause.For(ctx, 10*time.Millisecond)
			return kept.Err()
		},
		"see": func(ctx context.Context) error {
			_, err := leases.Holder(ctx, "R1")
			return err
		},
		"take": func(ctx context.Context) error {
			n++
			l, err := leases.Take(ctx, fmt.Sprint("S", n)) // the last one may not be given back yet
			if err == nil {
				l.Release()
			}
			return err
		},
	})
	if by, err := leases.Holder(t.Context(), "R1"); by != "a" || err != nil {
		t.Errorf("it is in the hands of %q, %v", by, err)
	}
	kept.Release()
}
