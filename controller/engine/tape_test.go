package engine

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// tape is a journal that stores events as the real one does, and breaks after
// so many.
type tape struct {
	mu     sync.Mutex
	state  rollout.State
	stored [][]byte
	cut    int // refuses every event after these; 0 never
}

func newTape(t *testing.T, policy rollout.Policy, hosts []inventory.Host) *tape {
	t.Helper()
	spec := &rollout.Spec{Mode: rollout.DistUpgrade, Policy: policy}
	spec.Take(hosts)
	tp := &tape{}
	tp.must(t, rollout.Event{Kind: rollout.KindCreated, Spec: spec})
	return tp
}

func (tp *tape) Append(_ context.Context, e rollout.Event) error {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	if tp.cut > 0 && len(tp.stored) >= tp.cut {
		return errCut
	}
	e.At = time.Now().UTC()
	if e.Kind == rollout.KindTaken {
		e.Term = tp.state.Term + 1
	}
	data, err := e.Encode()
	if err != nil {
		return err
	}
	if err := tp.state.Apply(e); err != nil {
		return err
	}
	tp.stored = append(tp.stored, data)
	return nil
}

func (tp *tape) must(t *testing.T, events ...rollout.Event) {
	t.Helper()
	for _, e := range events {
		if err := tp.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

// fold reads the tape from its beginning.
func (tp *tape) fold(t *testing.T) *rollout.State {
	t.Helper()
	var s rollout.State
	for _, data := range tp.stored {
		e, err := rollout.DecodeEvent(data)
		if err == nil {
			err = s.Apply(e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return &s
}

// lines tells what is on the tape, a line an event.
func (tp *tape) lines(t *testing.T) []string {
	t.Helper()
	tp.mu.Lock()
	defer tp.mu.Unlock()
	var lines []string
	for _, data := range tp.stored {
		e, err := rollout.DecodeEvent(data)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, e.String())
	}
	return lines
}

// kinds returns the kinds of the decisions on the tape.
func (tp *tape) kinds(t *testing.T) []rollout.Kind {
	t.Helper()
	var kinds []rollout.Kind
	for _, data := range tp.stored {
		e, err := rollout.DecodeEvent(data)
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind.Decision() {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}
