package schedule

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

// run runs a Runner until stop is called.
func run(t *testing.T, r *Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	r.Log = slog.New(slog.DiscardHandler)
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// until sleeps to a time, in a bubble.
func until(t *testing.T, text string) {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(at))
}

func want(t *testing.T, store *fakeStore, lines ...string) {
	t.Helper()
	if got := store.all(); !slices.Equal(got, lines) {
		t.Errorf("the store has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

func nightly(t *testing.T) Schedule {
	t.Helper()
	return Schedule{Name: "nightly", Cron: parse(t, "30 2 * * *", "UTC"), Window: 3 * time.Hour, Run: []string{"rollout", "shop", "--to", "web"}}
}

// TestRunnerYear runs a year of occurrences in three zones and starts each once, at
// the moments that watching a clock on the wall gives.
func TestRunnerYear(t *testing.T) {
	for _, name := range []string{"Europe/Zurich", "America/New_York", "Australia/Lord_Howe"} {
		t.Run(strings.ReplaceAll(name, "/", "-"), func(t *testing.T) {
			s := Schedule{Name: "nightly", Cron: parse(t, "15 2 * * *", name), Window: 3 * time.Hour}
			expected := watched(zone(t, name), time.Date(0, 1, 1, 2, 15, 0, 0, time.UTC))
			synctest.Test(t, func(t *testing.T) {
				until(t, "2025-12-31 00:00")
				store, work := newFakeStore(), newFakeRollouts()
				work.takes = time.Hour
				time.Sleep(time.Until(expected[0].Add(-time.Hour)))
				stop := run(t, NewRunner(store, work, "ada", []Schedule{s}))
				time.Sleep(time.Until(expected[364].Add(2 * time.Hour)))
				stop()
				if got := work.began(); !slices.EqualFunc(got, expected, time.Time.Equal) {
					t.Errorf("%d occurrences were begun, want %d: %v", len(got), len(expected), got)
				}
			})
		})
	}
}

// TestRunnerOverlap: an occurrence comes while the last still goes.
func TestRunnerOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, work := newFakeStore(), newFakeRollouts()
		work.takes = 5 * time.Hour
		s := Schedule{Name: "often", Cron: parse(t, "0 */2 * * *", "UTC"), Window: 7 * time.Hour}
		until(t, "2026-11-23 01:00")
		stop := run(t, NewRunner(store, work, "ada", []Schedule{s}))
		until(t, "2026-11-23 08:30")
		want(t, store,
			"23 02:00 often done R1 1 done",
			"23 04:00 often skipped the run of often for 2026-11-23T02:00:00Z still goes: R1",
			"23 06:00 often skipped the run of often for 2026-11-23T02:00:00Z still goes: R1",
			"23 08:00 often going R2")
		stop()
		want(t, store,
			"23 02:00 often done R1 1 done",
			"23 04:00 often skipped the run of often for 2026-11-23T02:00:00Z still goes: R1",
			"23 06:00 often skipped the run of often for 2026-11-23T02:00:00Z still goes: R1",
			"23 08:00 often going R2") // which this controller leaves to the next
	})
}

// TestRunnerWindow: no host is begun after it.
func TestRunnerWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, work := newFakeStore(), newFakeRollouts()
		work.takes = 5 * time.Hour
		until(t, "2026-11-23 01:00")
		defer run(t, NewRunner(store, work, "ada", []Schedule{nightly(t)}))()
		until(t, "2026-11-23 05:29")
		want(t, store, "23 02:30 nightly going R1")
		until(t, "2026-11-23 05:31")
		want(t, store, "23 02:30 nightly failed R1 the window of schedule nightly has ended at 2026-11-23T05:30:00Z")
	})
}

// TestRunnerWasDown: what was missed is run once, if its window is open.
func TestRunnerWasDown(t *testing.T) {
	for _, tt := range []struct {
		name, down, up string
		want           []string
	}{
		{"for an hour", "2026-11-23 02:00", "2026-11-23 03:30", []string{"22 02:30 nightly done R1 1 done", "23 02:30 nightly done R2 1 done"}},
		{"for days", "2026-11-22 12:00", "2026-11-25 05:00", []string{"22 02:30 nightly done R1 1 done", "24 02:30 nightly missed " + missing(2), "25 02:30 nightly done R2 1 done"}},
		{"for too long", "2026-11-22 12:00", "2026-11-25 06:00", []string{"22 02:30 nightly done R1 1 done", "25 02:30 nightly missed " + missing(3)}},
		{"not at night", "2026-11-23 03:00", "2026-11-23 04:00", []string{"22 02:30 nightly done R1 1 done", "23 02:30 nightly done R2 1 done"}},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, work := newFakeStore(), newFakeRollouts()
				until(t, "2026-11-22 01:00")
				stop := run(t, NewRunner(store, work, "ada", []Schedule{nightly(t)}))
				until(t, tt.down)
				stop()
				until(t, tt.up)
				stop = run(t, NewRunner(store, work, "bob", []Schedule{nightly(t)}))
				time.Sleep(time.Hour)
				stop()
				want(t, store, tt.want...)
			})
		})
	}
}

// TestRunnerIsNew: a schedule that is written, or changed, in the middle of its
// window has missed nothing.
func TestRunnerIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, work := newFakeStore(), newFakeRollouts()
		until(t, "2026-11-23 03:00")
		r := NewRunner(store, work, "ada", []Schedule{nightly(t)})
		defer run(t, r)()
		until(t, "2026-11-23 14:00")
		changed := nightly(t)
		changed.Cron = parse(t, "0 13 * * *", "UTC")
		r.Replace([]Schedule{changed})
		until(t, "2026-11-24 14:00")
		want(t, store, "24 13:00 nightly done R1 1 done")
	})
}

// TestBegun: occurrences that were skipped or missed don't look like runs.
func TestBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, work := newFakeStore(), newFakeRollouts()
		s := nightly(t)
		s.Freeze = dates(t, "2026-11-24")
		until(t, "2026-11-22 12:00")
		r := NewRunner(store, work, "ada", []Schedule{s})
		begun := func(last Outcome, due string) {
			t.Helper()
			all, err := r.Statuses(t.Context())
			if err != nil || all[0].Last.Outcome != last || all[0].Begun == nil || all[0].Begun.Due.Format("02 15:04") != due {
				t.Errorf("Statuses returned %+v, %v", all, err)
			}
		}
		stop := run(t, r)
		until(t, "2026-11-23 12:00")
		begun(Done, "23 02:30")
		until(t, "2026-11-24 12:00")
		begun(Skipped, "23 02:30")
		stop()
		until(t, "2026-11-25 12:00")
		defer run(t, NewRunner(store, work, "bob", []Schedule{s}))()
		synctest.Wait()
		begun(Missed, "23 02:30")
	})
}

func TestRunnerPausedAndFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, work := newFakeStore(), newFakeRollouts()
		s := nightly(t)
		s.Freeze = dates(t, "2026-11-24")
		until(t, "2026-11-22 12:00")
		r := NewRunner(store, work, "ada", []Schedule{s})
		defer run(t, r)()
		if err := errors.Join(r.Pause(t.Context(), "nightly", "ada"), r.Pause(t.Context(), "nightly", "bob")); err != nil {
			t.Fatal(err)
		}
		until(t, "2026-11-23 03:00")
		if err := r.Unpause(t.Context(), "nightly"); err != nil {
			t.Fatal(err)
		}
		until(t, "2026-11-25 03:00")
		want(t, store,
			"23 02:30 nightly skipped paused by ada at 2026-11-22T12:00:00Z",
			"24 02:30 nightly skipped frozen: 2026-11-24",
			"25 02:30 nightly done R1 1 done")
		if err := r.Pause(t.Context(), "nigthly", "ada"); err == nil || err.Error() != `there is no schedule "nigthly" (did you mean "nightly"?)` {
			t.Errorf("Pause returned %v", err)
		}
	})
}

// TestTwoRunners: of two that look at once, one begins the occurrence.
func TestTwoRunners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, work := newFakeStore(), newFakeRollouts()
		until(t, "2026-11-22 12:00")
		defer run(t, NewRunner(store, work, "ada", []Schedule{nightly(t)}))()
		defer run(t, NewRunner(store, work, "bob", []Schedule{nightly(t)}))()
		until(t, "2026-12-22 12:00")
		if got := len(work.began()); got != 30 || len(store.all()) != 30 {
			t.Errorf("in 30 occurrences, %d rollouts were created, and the store has %d", got, len(store.all()))
		}
	})
}

// TestRunnerDies: whatever a controller left open, the next carries to its end,
// and nothing is begun twice.
func TestRunnerDies(t *testing.T) {
	for _, tt := range []struct {
		name     string
		die      func(*fakeRollouts, *fakeStore)
		up       string
		rollouts int
		want     string
	}{
		{"while its rollout goes", func(*fakeRollouts, *fakeStore) {}, "2026-11-23 04:00", 1, "23 02:30 nightly done R1 1 done"},
		{"before it noted its rollout", func(h *fakeRollouts, _ *fakeStore) { h.dies = true }, "2026-11-23 04:00", 1, "23 02:30 nightly done R1 1 done"},
		{"before it created one", func(h *fakeRollouts, p *fakeStore) { h.dies = true }, "2026-11-23 04:00", 1, "23 02:30 nightly done R1 1 done"},
		{"and the window ends", func(*fakeRollouts, *fakeStore) {}, "2026-11-23 06:00", 1, "23 02:30 nightly failed R1 the window of schedule nightly has ended at 2026-11-23T05:30:00Z"},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, work := newFakeStore(), newFakeRollouts()
				work.takes = time.Hour
				tt.die(work, store)
				until(t, "2026-11-22 12:00")
				stop := run(t, NewRunner(store, work, "ada", []Schedule{nightly(t)}))
				until(t, "2026-11-23 03:00")
				stop()
				if strings.HasSuffix(tt.name, "created one") {
					work.journal = nil
				}
				work.dies = false
				until(t, tt.up)
				defer run(t, NewRunner(store, work, "bob", []Schedule{nightly(t)}))()
				time.Sleep(2 * time.Hour)
				want(t, store, tt.want)
				if got := len(work.began()); got != tt.rollouts {
					t.Errorf("%d rollouts were created, want %d", got, tt.rollouts)
				}
			})
		})
	}
}

// TestRunnerThaws: a controller that was frozen between writing an occurrence down and
// beginning it, and comes back when another has it in hand, begins nothing.
func TestRunnerThaws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, work := newFakeStore(), newFakeRollouts()
		s := nightly(t)
		ada := NewRunner(store, work, "ada", []Schedule{s})
		ada.Log = slog.New(slog.DiscardHandler)
		until(t, "2026-11-23 02:30")
		n, _ := s.Next(time.Now().Add(-time.Second))
		frozen, err := ada.begin(t.Context(), Run{Schedule: s.Name, Due: n.Due, End: n.End})
		if err != nil {
			t.Fatal(err)
		}
		defer run(t, NewRunner(store, work, "bob", []Schedule{s}))()
		time.Sleep(time.Minute)
		ada.execute(t.Context(), &s, frozen, ada.beginRollout)
		if got := len(work.begun); got != 1 {
			t.Errorf("%d rollouts were begun", got)
		}
		want(t, store, "23 02:30 nightly done R1 1 done")
	})
}

// TestNow: by hand, at any time, but not beside itself.
func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, work := newFakeStore(), newFakeRollouts()
		work.takes, work.status = time.Hour, rollout.ExitSomeFailed
		s := nightly(t)
		s.Freeze = dates(t, "2026-11-23")
		until(t, "2026-11-23 12:00")
		r := NewRunner(store, work, "ada", []Schedule{s})
		if err := r.Pause(t.Context(), "nightly", "ada"); err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(time.Minute)
			const refusal = "cannot run schedule nightly: the run of nightly for 2026-11-23T12:00:00Z still goes: R1"
			if _, err := r.Now(t.Context(), "nightly"); err == nil || err.Error() != refusal {
				t.Errorf("Now beside itself returned %v", err)
			}
		}()
		got, err := r.Now(t.Context(), "nightly")
		if err != nil || got.Outcome != Failed || !got.Manual || got.Rollout != "R1" {
			t.Errorf("Now returned %+v, %v", got, err)
		}
		want(t, store, "23 12:00 nightly failed R1 1 done")
		all, err := r.Statuses(t.Context())
		if err != nil || len(all) != 1 || !all[0].Settings.Paused || all[0].Frozen != "2026-11-23" || all[0].Last.Rollout != "R1" || all[0].Next.Due.Day() != 24 {
			t.Errorf("Statuses returned %+v, %v", all, err)
		}
	})
}

// late is a store in which somebody else is always a little earlier.
type late struct{ *fakeStore }

func (late) Amend(_ context.Context, r Run) (Run, error) { return r, ErrConflict }

// TestStatusesTogether: two who look at once both see how it stands, although one
// of them settles a run before the other.
func TestStatusesTogether(t *testing.T) {
	store, work := newFakeStore(), newFakeRollouts()
	due := moment(t, "2026-11-23T12:00:00Z")
	if _, err := store.Begin(t.Context(), Run{Schedule: "nightly", Due: due, End: due.Add(time.Hour), Rollout: "R1"}); err != nil {
		t.Fatal(err)
	}
	work.over["R1"] = Ending{Text: "1 done"}
	all, err := NewRunner(late{store}, work, "ada", []Schedule{nightly(t)}).Statuses(t.Context())
	if err != nil || len(all) != 1 || all[0].Last.Rollout != "R1" {
		t.Errorf("Statuses returned %+v, %v", all, err)
	}
}

// TestNowAfterACrash: the open run of a command that was killed is settled by what
// the journal says, and hinders nothing for ever.
func TestNowAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, work := newFakeStore(), newFakeRollouts()
		until(t, "2026-11-23 12:00")
		killed := NewRunner(store, work, "ada", []Schedule{nightly(t)})
		if _, err := killed.begin(t.Context(), Run{Schedule: "nightly", Due: time.Now(), End: time.Now().Add(time.Hour), Manual: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := NewRunner(store, work, "bob", []Schedule{nightly(t)}).Now(t.Context(), "nightly"); err != nil {
			t.Fatal(err)
		}
		want(t, store, "23 12:00 nightly failed its controller ended before it began", "23 12:01 nightly done R1 1 done")
	})
}

// TestRunnerWithoutStore: trouble with the store is no end, and the occurrence is begun
// once that is over, whether or not it was written down in spite of it.
func TestRunnerWithoutStore(t *testing.T) {
	for _, written := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store, work := newFakeStore(), newFakeRollouts()
			until(t, "2026-11-22 12:00")
			defer run(t, NewRunner(store, work, "ada", []Schedule{nightly(t)}))()
			until(t, "2026-11-23 02:00")
			store.trouble(errors.New("the disk is full"))
			until(t, "2026-11-23 02:59")
			store.trouble(nil)
			if written {
				due := moment(t, "2026-11-23T02:30:00Z")
				if _, err := store.Begin(t.Context(), Run{Schedule: "nightly", Due: due, End: due.Add(3 * time.Hour), By: "ada"}); err != nil {
					t.Error(err)
				}
			}
			until(t, "2026-11-23 03:06")
			want(t, store, "23 02:30 nightly done R1 1 done")
		})
	}
}
