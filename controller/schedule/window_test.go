package schedule

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestWindow: a window is so many hours that pass, over midnight and where clocks are
// changed too, and it ends where frozen days begin.
func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		name, zone, cron string
		window           time.Duration
		freeze           string
		due, end         string // in the zone
	}{
		{"in a night", "Europe/Zurich", "30 2 * * *", 3 * time.Hour, "", "2026-11-23T02:30:00+01:00", "2026-11-23T05:30:00+01:00"},
		{"over midnight", "Europe/Zurich", "0 23 * * *", 3 * time.Hour, "", "2026-11-23T23:00:00+01:00", "2026-11-24T02:00:00+01:00"},
		{"over the end of a year", "Europe/Zurich", "0 23 * * *", 3 * time.Hour, "", "2026-12-31T23:00:00+01:00", "2027-01-01T02:00:00+01:00"},
		{"over midnight, and clocks go on", "Europe/Zurich", "0 23 * * *", 6 * time.Hour, "", "2026-03-28T23:00:00+01:00", "2026-03-29T06:00:00+02:00"},
		{"over midnight, and clocks go back", "Europe/Zurich", "0 23 * * *", 6 * time.Hour, "", "2026-10-24T23:00:00+02:00", "2026-10-25T04:00:00+01:00"},
		{"from a time that is left out", "Europe/Zurich", "30 2 * * *", 3 * time.Hour, "", "2026-03-29T03:00:00+02:00", "2026-03-29T06:00:00+02:00"},
		{"from a time that comes twice", "Europe/Zurich", "30 2 * * *", 3 * time.Hour, "", "2026-10-25T02:30:00+02:00", "2026-10-25T04:30:00+01:00"},
		{"midnight is left out", "America/Santiago", "30 23 * * *", 3 * time.Hour, "", "2026-09-05T23:30:00-04:00", "2026-09-06T03:30:00-03:00"},
		{"to a frozen day", "Europe/Zurich", "0 23 * * *", 3 * time.Hour, "2026-11-24", "2026-11-23T23:00:00+01:00", "2026-11-24T00:00:00+01:00"},
		{"to the second day after it", "Europe/Zurich", "0 23 * * mon", 72 * time.Hour, "2026-11-25..2026-11-30", "2026-11-23T23:00:00+01:00", "2026-11-25T00:00:00+01:00"},
		{"up to a frozen day", "Europe/Zurich", "0 23 * * *", time.Hour, "2026-11-24", "2026-11-23T23:00:00+01:00", "2026-11-24T00:00:00+01:00"},
		{"to a frozen day without midnight", "America/Santiago", "30 23 * * *", 3 * time.Hour, "2026-09-06", "2026-09-05T23:30:00-04:00", "2026-09-06T01:00:00-03:00"},
		{"to a frozen day after a midnight that comes twice", "Africa/Cairo", "30 23 * * *", 3 * time.Hour, "2026-10-30", "2026-10-29T23:30:00+03:00", "2026-10-30T00:00:00+02:00"},
		{"after a frozen day", "Europe/Zurich", "0 23 * * *", 3 * time.Hour, "2026-11-22", "2026-11-23T23:00:00+01:00", "2026-11-24T02:00:00+01:00"},
	} {
		s := Schedule{Name: "nightly", Cron: parse(t, tt.cron, tt.zone), Window: tt.window}
		if tt.freeze != "" {
			s.Freeze = dates(t, tt.freeze)
		}
		n, _ := s.Next(moment(t, tt.due).Add(-time.Second))
		if due, end := n.Due.Format(time.RFC3339), n.End.Format(time.RFC3339); due != tt.due || end != tt.end {
			t.Errorf("%s: from %s to %s, want %s to %s", tt.name, due, end, tt.due, tt.end)
			continue
		}
		long := n.Due.AddDate(0, -1, 0)
		if last, ok := s.Due(long, n.End.Add(-time.Second)); !ok || !last.Due.Equal(n.Due) {
			t.Errorf("%s: a second before its end %v came, %v", tt.name, last, ok)
		}
		if last, ok := s.Due(long, n.End); ok && !last.Due.After(n.Due) {
			t.Errorf("%s: at its end %v came", tt.name, last)
		}
		before := n.Due.Add(-time.Second)
		if _, count := s.Missed(before, n.End.Add(-time.Second)); count != 0 {
			t.Errorf("%s: a second before its end %d are missed", tt.name, count)
		}
		if missed, count := s.Missed(before, n.End); count != 1 || !missed.Due.Equal(n.Due) {
			t.Errorf("%s: at its end %d are missed, the last %v", tt.name, count, missed)
		}
	}
}

// TestJitterToFrozenDay: an occurrence that starts on a frozen day is frozen.
func TestJitterToFrozenDay(t *testing.T) {
	s := Schedule{Name: "nightly", Cron: parse(t, "59 23 * * *", "Europe/Zurich"), Window: 3 * time.Hour, Jitter: 2 * time.Hour, Freeze: dates(t, "2026-11-24")}
	n, _ := s.Next(moment(t, "2026-11-23T12:00:00Z"))
	if got := n.Due.Format(time.RFC3339); got != "2026-11-25T23:59:00+01:00" {
		t.Errorf("Next returned %s", got)
	}
	last, ok := s.Due(moment(t, "2026-11-23T12:00:00Z"), moment(t, "2026-11-24T02:58:00+01:00"))
	if days, isFrozen := s.Frozen(last); !ok || !isFrozen || days.String() != "2026-11-24" {
		t.Errorf("what comes is %+v, %v, frozen by %v, %v", last, ok, days, isFrozen)
	}
	if _, count := s.Missed(moment(t, "2026-11-23T12:00:00Z"), moment(t, "2026-11-25T12:00:00Z")); count != 0 {
		t.Errorf("%d are missed", count)
	}
}

// TestRunnerWindowToFrozenDay: no host is begun on a frozen day.
func TestRunnerWindowToFrozenDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, work := newFakeStore(), newFakeRollouts()
		work.takes = 5 * time.Hour
		s := Schedule{Name: "late", Cron: parse(t, "0 23 * * *", "UTC"), Window: 3 * time.Hour, Freeze: dates(t, "2026-11-24")}
		until(t, "2026-11-23 12:00")
		defer run(t, NewRunner(store, work, "ada", []Schedule{s}))()
		until(t, "2026-11-23 23:59")
		want(t, store, "23 23:00 late going R1")
		until(t, "2026-11-24 00:01")
		want(t, store, "23 23:00 late failed R1 the window of schedule late has ended at 2026-11-24T00:00:00Z")
		until(t, "2026-11-24 23:59")
		want(t, store, "23 23:00 late failed R1 the window of schedule late has ended at 2026-11-24T00:00:00Z",
			"24 23:00 late skipped frozen: 2026-11-24")
	})
}
