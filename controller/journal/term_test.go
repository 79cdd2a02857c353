package journal

import (
	"errors"
	"testing"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

func TestTerm(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	is := func(want int) {
		t.Helper()
		if got, err := j.Term(t.Context(), "R1"); err != nil || got != want {
			t.Errorf("the term is %d (%v), want %d", got, err, want)
		}
	}
	if _, err := j.Term(t.Context(), "R1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of no rollout the error is %v", err)
	}
	w := create(t, j, "a")
	is(1)
	mustAppend(t, w, step("a", rollout.Doing)) // no decision
	is(1)
	w, err := j.Take(t.Context(), "R1")
	if err != nil {
		t.Fatal(err)
	}
	is(2)
	mustAppend(t, w, step("a", rollout.Done), result("a", rollout.HostDone))
	if _, err := w.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	is(0)
}
