package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/schedule"
)

// open returns the store on the bus of a state folder, until close.
func open(t *testing.T, state string) (s *Store, close func()) {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{State: state, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s, err = Open(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return s, func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

func occurrence(n int) schedule.Run {
	due := time.Date(2026, 11, 1, 2, 30, 0, 0, time.UTC).AddDate(0, 0, n)
	return schedule.Run{Schedule: "nightly", Due: due, End: due.Add(3 * time.Hour), By: "ada@deploy (1)", Began: due.Add(time.Second)}
}

// TestLasts: what was written is there when the bus is opened again.
func TestLasts(t *testing.T) {
	state := t.TempDir()
	b, done := open(t, state)
	first, err1 := b.Begin(t.Context(), occurrence(1))
	second, err2 := b.Begin(t.Context(), occurrence(2))
	first.Outcome, first.Text, first.Ended, first.Rollout, first.Status, first.Manual = schedule.Failed, "1 failed", first.End, "R7", 3, true
	first, err3 := b.Amend(t.Context(), first)
	settings, err4 := b.Set(t.Context(), schedule.Settings{Schedule: "nightly", Paused: true, PausedBy: "ada", PausedAt: first.Due, Since: first.Due, Cron: "30 2 * * * UTC"})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	done()
	b, done = open(t, state)
	defer done()
	runs, err := b.Runs(t.Context(), "nightly")
	if diff := cmp.Diff([]schedule.Run{second, first}, runs); diff != "" || err != nil {
		t.Error(err, diff)
	}
	got, err := b.Settings(t.Context(), "nightly")
	if diff := cmp.Diff(settings, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if runs, err := b.Runs(t.Context(), "night"); len(runs) > 0 || err != nil {
		t.Errorf("the runs of another schedule are %+v, %v", runs, err)
	}
	if got, err := b.Settings(t.Context(), "night"); got != (schedule.Settings{}) || err != nil {
		t.Errorf("the settings of another schedule are %+v, %v", got, err)
	}
}

// TestTaken: every write by whoever does not know the last one is refused.
func TestTaken(t *testing.T) {
	b, done := open(t, t.TempDir())
	defer done()
	mine, err := b.Begin(t.Context(), occurrence(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Begin(t.Context(), occurrence(1)); !errors.Is(err, schedule.ErrConflict) {
		t.Errorf("the second Begin returned %v", err)
	}
	theirs := mine
	theirs.By = "bob"
	if _, err := b.Amend(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Amend(t.Context(), mine); !errors.Is(err, schedule.ErrConflict) {
		t.Errorf("Amend of an old revision returned %v", err)
	}
	if _, err := b.Set(t.Context(), schedule.Settings{Schedule: "nightly"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Set(t.Context(), schedule.Settings{Schedule: "nightly"}); !errors.Is(err, schedule.ErrConflict) {
		t.Errorf("Set of an old revision returned %v", err)
	}
}

// TestOneOfMany: of many that begin one occurrence at once, one succeeds.
func TestOneOfMany(t *testing.T) {
	b, done := open(t, t.TempDir())
	defer done()
	for n := range 10 {
		var begun []schedule.Run
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				run, err := b.Begin(t.Context(), occurrence(n))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					begun = append(begun, run)
				case !errors.Is(err, schedule.ErrConflict):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(begun) != 1 {
			t.Errorf("occurrence %d was begun %d times", n, len(begun))
		}
	}
}

// TestForgets keeps the newest runs, and older ones that are open.
func TestForgets(t *testing.T) {
	b, done := open(t, t.TempDir())
	defer done()
	for n := range kept + 20 {
		run := occurrence(n)
		if n != 5 {
			run.Outcome = schedule.Done
		}
		if _, err := b.Begin(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := b.Runs(t.Context(), "nightly")
	if err != nil || len(runs) != kept+1 || !runs[0].Due.Equal(occurrence(kept+19).Due) || !runs[kept].Due.Equal(occurrence(5).Due) {
		t.Errorf("%d runs are left, %v", len(runs), err)
	}
}

// TestForgetsNoOccurrence: runs by hand, however many, do not make the last occurrence look as if
// it had been missed.
func TestForgetsNoOccurrence(t *testing.T) {
	b, done := open(t, t.TempDir())
	defer done()
	for n := range kept + 20 {
		run := occurrence(n)
		run.Outcome, run.Manual = schedule.Done, n > 5
		if _, err := b.Begin(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := b.Runs(t.Context(), "nightly")
	if err != nil || len(runs) != kept+1 || !runs[kept].Due.Equal(occurrence(5).Due) || runs[kept].Manual {
		t.Errorf("%d runs are left, %v", len(runs), err)
	}
}

func TestRefusesNewerFormats(t *testing.T) {
	b, done := open(t, t.TempDir())
	defer done()
	put := func(key, value string) {
		if _, err := b.kv.PutString(t.Context(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	put("schedule.nightly.run.1", `{"format":2,"due":"soon"}`)
	put("schedule.nightly.settings", `{}`)
	_, err := b.Runs(t.Context(), "nightly")
	const newer = "cannot read the runs of schedule nightly: cannot read a record of a schedule: it has format 2, and this program reads up to 1"
	if err == nil || err.Error() != newer {
		t.Errorf("Runs returned %v", err)
	}
	if got, err := b.Settings(t.Context(), "nightly"); err == nil {
		t.Errorf("settings without a format were read as %+v", got)
	}
}

func TestEndsWithContext(t *testing.T) {
	b, done := open(t, t.TempDir())
	defer done()
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := b.Runs(ctx, "nightly"); err == nil {
		t.Error("Runs returned nothing, without a context")
	}
	if _, err := b.Begin(ctx, occurrence(1)); err == nil {
		t.Error("Begin wrote without a context")
	}
}
