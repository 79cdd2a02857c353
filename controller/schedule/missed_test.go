package schedule

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestMissed: only occurrences that nothing hindered, and that have ended.
func TestMissed(t *testing.T) {
	nightly := Schedule{Name: "nightly", Cron: parse(t, "30 2 * * *", "UTC"), Window: 3 * time.Hour}
	frozen := nightly
	frozen.Freeze = dates(t, "2026-11-22..2026-11-23")
	local := Schedule{Name: "local", Cron: parse(t, "30 2 * * *", "Europe/Zurich"), Window: 3 * time.Hour}
	for _, tt := range []struct {
		name       string
		s          Schedule
		after, now string
		want       string // due; "" is none
		count      int
	}{
		{"its window is open", nightly, "2026-11-22T02:30:00Z", "2026-11-23T05:29:59Z", "", 0},
		{"its window has ended", nightly, "2026-11-22T02:30:00Z", "2026-11-23T05:30:00Z", "2026-11-23T02:30:00Z", 1},
		{"three hundred", nightly, "2026-01-27T02:30:00Z", "2026-11-23T12:00:00Z", "2026-11-23T02:30:00Z", 300},
		{"frozen ones", frozen, "2026-11-19T02:30:00Z", "2026-11-23T12:00:00Z", "2026-11-21T02:30:00Z", 2},
		{"a year with two changes of clocks", local, "2026-01-01T01:30:00Z", "2027-01-01T12:00:00Z", "2027-01-01T01:30:00Z", 365},
	} {
		n, count := tt.s.Missed(moment(t, tt.after), moment(t, tt.now))
		got := ""
		if !n.Due.IsZero() {
			got = n.Due.UTC().Format(time.RFC3339)
		}
		if got != tt.want || count != tt.count {
			t.Errorf("%s: %s and %d occurrences in all, want %s and %d", tt.name, got, count, tt.want, tt.count)
		}
	}
}

// TestRunnerTellsOnce: of occurrences without number that were missed one is told, and no
// controller that comes later tells of them again.
func TestRunnerTellsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, work := newFakeStore(), newFakeRollouts()
		until(t, "2026-11-22 01:00")
		run(t, NewRunner(store, work, "ada", []Schedule{nightly(t)}))()
		until(t, "2027-11-22 12:00")
		var told []Run
		for _, by := range []string{"bob", "eve"} {
			r := NewRunner(store, work, by, []Schedule{nightly(t)})
			r.Notice = func(run Run) { told = append(told, run) }
			stop := run(t, r)
			time.Sleep(time.Hour)
			r.Replace([]Schedule{nightly(t)})
			time.Sleep(time.Hour)
			stop()
		}
		const line = "22 02:30 nightly missed no daemon could begin it before its window ended, nor the 365 runs before it"
		want(t, store, line)
		if len(told) != 1 || told[0].Outcome != Missed || told[0].Due.Year() != 2027 || told[0].By != "bob" {
			t.Errorf("told is %+v", told)
		}
	})
}

// TestRunnerMissedWhilePaused: nobody waited for the occurrences of a pause, also where
// no controller was there to skip them, and they are not made up for.
func TestRunnerMissedWhilePaused(t *testing.T) {
	for _, tt := range []struct {
		name, paused, unpaused string // no time to unpause: it stays so
		want                   []string
	}{
		{"before anything was missed", "2026-11-22 12:00", "", nil},
		{"after two were missed", "2026-11-24 12:00", "", []string{"24 02:30 nightly missed " + missing(2)}},
		{"and on again", "2026-11-22 12:00", "2026-11-24 12:00", []string{"25 02:30 nightly missed " + missing(1)}},
		{"and on again in the window", "2026-11-22 12:00", "2026-11-25 04:00", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, work := newFakeStore(), newFakeRollouts()
				until(t, "2026-11-22 11:00")
				run(t, NewRunner(store, work, "ada", []Schedule{nightly(t)}))()
				command := NewRunner(store, work, "root", []Schedule{nightly(t)})
				set := func(at string, change func(context.Context, string) error) {
					if at == "" {
						return
					}
					until(t, at)
					if err := change(t.Context(), "nightly"); err != nil {
						t.Fatal(err)
					}
				}
				set(tt.paused, func(ctx context.Context, name string) error { return command.Pause(ctx, name, "root") })
				set(tt.unpaused, command.Unpause)
				if tt.unpaused != "2026-11-25 04:00" {
					until(t, "2026-11-25 12:00")
				}
				stop := run(t, NewRunner(store, work, "bob", []Schedule{nightly(t)}))
				time.Sleep(time.Hour)
				stop()
				want(t, store, tt.want...)
			})
		})
	}
}
