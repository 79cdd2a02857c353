package journal

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// TestFence: two writers of one rollout. Whoever takes it shuts the other out
// of decisions and of events of hosts alike, and is named.
func TestFence(t *testing.T) {
	b := openBus(t, t.TempDir())
	ada := New(b, "ada@deploy (1)")
	first := create(t, ada, "a", "b")
	mustAppend(t, first, step("a", rollout.Doing))
	second, err := New(b, "bob@laptop (2)").Take(t.Context(), first.ID())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []rollout.Event{step("b", rollout.Doing), {Kind: rollout.KindFinished}} {
		err := first.Append(t.Context(), e)
		var fenced *FencedError
		if !errors.As(err, &fenced) || !strings.Contains(err.Error(), "R1 was taken over by bob@laptop (2)") {
			t.Errorf("the first writer's %q returned %v", e, err)
		}
	}
	mustAppend(t, second, step("a", rollout.Doing), step("a", rollout.Done), result("a", rollout.HostDone))
	state, err := ada.Read(t.Context(), first.ID())
	if err != nil || state.Term != 2 || state.Owner != "bob@laptop (2)" || state.Events != 6 {
		t.Errorf("the journal says %+v, %v", state, err)
	}
}

// TestTakenBetweenReplayAndTaking: the one before writes events of hosts that
// whoever takes over does not know of. That is no gap.
func TestTakenBetweenReplayAndTaking(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	first := create(t, j, "a", "b")
	h, err := j.replay(t.Context(), first.ID())
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, first, step("a", rollout.Doing))
	mustAppend(t, newWriter(j, first.ID(), h), rollout.Event{Kind: rollout.KindTaken})
	w, err := j.Take(t.Context(), first.ID())
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, w, step("a", rollout.Done))
	if state, err := j.Read(t.Context(), first.ID()); err != nil || state.Results != 2 || state.Term != 3 {
		t.Errorf("the journal says %+v, %v", state, err)
	}
}

// TestLostAcknowledgement: messages were stored and the writer does not know.
func TestLostAcknowledgement(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	w := create(t, j, "a", "b")
	for _, events := range [][]rollout.Event{
		{step("a", rollout.Doing)},
		{step("b", rollout.Doing), step("a", rollout.Done)},
		{{Kind: rollout.KindTaken}},
		{step("b", rollout.Done)},
	} {
		var messages []*nats.Msg
		for _, e := range events {
			m, err := w.admit(&e)
			if err != nil {
				t.Fatal(err)
			}
			messages = append(messages, m)
		}
		bus.Expect(messages[0], decisions(w.id), w.history.decision)
		if _, err := j.bus.PublishAll(t.Context(), messages...); err != nil {
			t.Fatal(err)
		}
		before := w.history.decision
		if err := w.publish(t.Context(), messages); err != nil {
			t.Fatalf("%s: writing again what is stored returned %v", events, err)
		}
		if moved := w.history.decision > before; moved != events[0].Kind.Decision() {
			t.Errorf("%s: the last decision went from %d to %d", events, before, w.history.decision)
		}
	}
	mustAppend(t, w, result("a", rollout.HostDone))
	if state, err := j.Read(t.Context(), w.ID()); err != nil || state.Events != 7 {
		t.Errorf("the journal has %d events, want 7: %v", state.Events, err)
	}
}
