package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// recordMissed writes down that occurrences after the last one ended before any controller
// could begin them: the newest, which tells of the others, so that after a long
// time there is one word to read. It returns the time after which occurrences count now.
func (r *Runner) recordMissed(ctx context.Context, s *Schedule, last time.Time) (time.Time, error) {
	at := now()
	if due := s.Cron.Next(last); due.IsZero() || s.Occurrence(due).End.After(at) {
		return last, nil
	}
	settings, err := r.Store.Settings(ctx, s.Name)
	if err != nil {
		return last, err
	}
	if settings.Paused && settings.PausedAt.Before(at) {
		at = settings.PausedAt // from then on nobody waited for one
	}
	n, count := s.Missed(last, at)
	if count == 0 {
		return last, nil
	}
	run := Run{Schedule: s.Name, Due: n.Due, End: n.End}
	if err := r.recordEnded(ctx, run, Missed, missing(count)); err != nil && !errors.Is(err, ErrConflict) {
		return last, err
	}
	r.remember(s.Name, n.Due)
	return n.Due, nil
}

// missing says why the last of so many occurrences was missed.
func missing(count int) string {
	const why = "no daemon could begin it before its window ended"
	switch count {
	case 1:
		return why
	case 2:
		return why + ", nor the run before it"
	}
	return fmt.Sprintf("%s, nor the %d runs before it", why, count-1)
}
