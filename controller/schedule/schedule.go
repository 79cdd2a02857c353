package schedule

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"time"

	"github.com/aptfleet/aptfleet/pkg/lazyregexp"
)

// Schedule is one [[schedule]] table.
type Schedule struct {
	Name   string
	Cron   Cron
	Window time.Duration // after the due time, in which hosts may be begun
	Jitter time.Duration // less than which an occurrence starts after its due time
	Freeze []Dates       // days on which no host is begun, by its own time zone
	Run    []string      // the command: "rollout" and its arguments
}

// name is what can be a part of a key in the bus, and be typed.
var name = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// maxWindow bounds Window: what is begun later than that is another release.
const maxWindow = 7 * 24 * time.Hour

// ValidateName reports whether a schedule can be called that.
func ValidateName(s string) error {
	if !name().MatchString(s) {
		return fmt.Errorf("%q must be up to 63 letters, digits, - and _", s)
	}
	return nil
}

// ValidateTimes reports a window and a jitter that cannot be meant.
func ValidateTimes(window, jitter time.Duration) error {
	switch {
	case window <= 0:
		return errors.New("window must say how long after its time hosts may be begun, such as \"3h\"")
	case window > maxWindow:
		return fmt.Errorf("window must be at most %v, is %v", maxWindow, window)
	case jitter < 0 || jitter >= window:
		return fmt.Errorf("jitter must be less than the window of %v, is %v", window, jitter)
	}
	return nil
}

// Occurrence is one time that a schedule is due.
type Occurrence struct {
	Due   time.Time // what the cron expression says
	Start time.Time // Due and the day's jitter
	End   time.Time // no host is begun from then on; Due and the window, or where frozen days begin before
}

// Occurrence returns the occurrence that is due at a time. Its window is of time that
// passes, whatever clocks on the wall do meanwhile.
func (s *Schedule) Occurrence(due time.Time) Occurrence {
	n := Occurrence{Due: due, Start: due.Add(s.jitter(due)), End: due.Add(s.Window)}
	if _, isFrozen := s.Frozen(n); !isFrozen {
		n.End = s.untilFrozen(n.Start, n.End)
	}
	return n
}

// untilFrozen returns the beginning of the first frozen day between two times, or the
// later one if there is none.
func (s *Schedule) untilFrozen(from, to time.Time) time.Time {
	if len(s.Freeze) == 0 {
		return to
	}
	day := wallOf(from).Truncate(24 * time.Hour)
	for {
		day = day.AddDate(0, 0, 1)
		begins := firstAt(day, from.Location())
		if !begins.Before(to) {
			return to
		}
		if _, isFrozen := frozen(s.Freeze, day); isFrozen {
			return begins
		}
	}
}

// jitter returns what a day adds: on the same day always the same, so that
// every controller starts at the same time and a restarted one too.
func (s *Schedule) jitter(due time.Time) time.Duration {
	if s.Jitter <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = io.WriteString(h, s.Name+due.Format(time.DateOnly)) // a hash takes everything
	return time.Duration(h.Sum64() % uint64(s.Jitter)).Truncate(time.Second)
}

// Next returns the first occurrence that is due after a time and not frozen; false if
// there is none in the next five years.
func (s *Schedule) Next(after time.Time) (Occurrence, bool) {
	for due := s.Cron.Next(after); !due.IsZero() && due.Sub(after) < 5*366*24*time.Hour; due = s.Cron.Next(due) {
		n := s.Occurrence(due)
		if _, isFrozen := s.Frozen(n); !isFrozen {
			return n, true
		}
	}
	return Occurrence{}, false
}

// Frozen returns the days of its freeze on which an occurrence is due or, by the jitter,
// starts.
func (s *Schedule) Frozen(n Occurrence) (Dates, bool) {
	if days, isFrozen := frozen(s.Freeze, n.Due); isFrozen {
		return days, true
	}
	return frozen(s.Freeze, n.Start)
}

// Due returns the newest occurrence, frozen or not, that is due after the given time,
// has started by now and has not ended: what was missed meanwhile is one occurrence.
func (s *Schedule) Due(after, now time.Time) (Occurrence, bool) {
	if earliest := now.Add(-s.Window); after.Before(earliest) {
		after = earliest
	}
	var came Occurrence
	for due := s.Cron.Next(after); !due.IsZero() && !due.After(now); due = s.Cron.Next(due) {
		if n := s.Occurrence(due); !n.Start.After(now) && n.End.After(now) {
			came = n
		}
	}
	return came, !came.Due.IsZero()
}

// Missed returns the newest occurrence that is due after the given time and has ended
// by now, and how many have. A frozen one would not have begun: it was not missed.
func (s *Schedule) Missed(after, now time.Time) (newest Occurrence, count int) {
	for due := s.Cron.Next(after); !due.IsZero() && !due.After(now); due = s.Cron.Next(due) {
		n := s.Occurrence(due)
		if _, isFrozen := s.Frozen(n); !isFrozen && !n.End.After(now) {
			newest, count = n, count+1
		}
	}
	return newest, count
}

// untilStart returns the time until the next occurrence starts.
func (s *Schedule) untilStart(now time.Time) time.Duration {
	for due := s.Cron.Next(now.Add(-s.Jitter)); !due.IsZero(); due = s.Cron.Next(due) {
		if start := s.Occurrence(due).Start; start.After(now) {
			return start.Sub(now)
		}
	}
	return maxWindow
}
