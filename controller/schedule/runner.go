package schedule

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Runner begins what is due. Its exported fields are set before the first use.
//
// Of several on one Store each occurrence is begun by one. What one that died left
// open is adopted by the next that runs, so that at a time only one should:
// the controller that leads.
type Runner struct {
	Store    Store
	Rollouts Rollouts
	By       string       // who this controller is, such as "root@deploy (4711)"
	Log      *slog.Logger // nil is slog.Default
	Notice   func(Run)    // told of each run that begins, ends, is skipped or was missed; nil is nobody. Schedules wait for it

	mu        sync.Mutex
	schedules []Schedule
	lastDue   map[string]time.Time // the schedules that were looked up in the Store, and the last Due of each
	running   map[runKey]bool      // here
	changed   chan struct{}

	going sync.WaitGroup
}

type runKey struct {
	schedule string
	due      int64
}

// checkEvery is the longest time between two looks at the clock: it may have been
// set, or the machine have slept.
const checkEvery = 5 * time.Minute

// NewRunner returns a Runner of schedules.
func NewRunner(store Store, rollouts Rollouts, by string, schedules []Schedule) *Runner {
	return &Runner{
		Store: store, Rollouts: rollouts, By: by, schedules: schedules,
		lastDue: map[string]time.Time{}, running: map[runKey]bool{}, changed: make(chan struct{}, 1),
	}
}

// Replace has the Runner go on with other schedules. What runs goes on.
func (r *Runner) Replace(schedules []Schedule) {
	r.mu.Lock()
	r.schedules = schedules
	clear(r.lastDue)
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default: // it has been told already
	}
}

// Run begins what is due until ctx is cancelled, and returns once nothing that
// it began is running any more. Trouble with the Store is logged and tried again.
func (r *Runner) Run(ctx context.Context) {
	defer r.going.Wait()
	for {
		timer := time.NewTimer(r.checkAll(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-r.changed:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// checkAll begins what has come, and returns the time until it is worth another look.
func (r *Runner) checkAll(ctx context.Context) time.Duration {
	wait := checkEvery
	for _, s := range r.all() {
		if err := r.check(ctx, &s); err != nil && ctx.Err() == nil {
			r.log().Error("cannot look after a schedule", "schedule", s.Name, "error", err)
		}
		wait = min(wait, s.untilStart(now()))
	}
	return wait
}

// now is the time of the wall, as due times are: the monotonic clock stands still
// while the machine sleeps.
func now() time.Time { return time.Now().Round(0) }

func (r *Runner) all() []Schedule {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.schedules)
}

// check begins the occurrence of a schedule that is due, if one is.
func (r *Runner) check(ctx context.Context, s *Schedule) error {
	last, err := r.loadLastDue(ctx, s)
	if err != nil {
		return err
	}
	if last, err = r.recordMissed(ctx, s, last); err != nil {
		return err
	}
	n, ok := s.Due(last, now())
	if !ok {
		return nil
	}
	err = r.beginOccurrence(ctx, s, n)
	if errors.Is(err, ErrConflict) {
		err = r.taken(ctx, s, n)
	}
	if err == nil {
		r.remember(s.Name, n.Due)
	}
	return err
}

// taken leaves an occurrence to who has written it down, unless that was this
// controller, which was not told that it had.
func (r *Runner) taken(ctx context.Context, s *Schedule, n Occurrence) error {
	runs, err := r.Store.Runs(ctx, s.Name)
	for _, run := range runs {
		if run.Due.Equal(n.Due) && run.By == r.By && run.Outcome == Going {
			return r.adopt(ctx, s, run)
		}
	}
	return err
}

func (r *Runner) remember(name string, due time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lastDue[name] = due
}

// loadLastDue returns the time after which occurrences of a schedule
// count. The first time, it adopts what the Store has open of it.
func (r *Runner) loadLastDue(ctx context.Context, s *Schedule) (time.Time, error) {
	r.mu.Lock()
	last, known := r.lastDue[s.Name]
	r.mu.Unlock()
	if known {
		return last, nil
	}
	last, err := r.since(ctx, s)
	if err != nil {
		return last, err
	}
	runs, err := r.Store.Runs(ctx, s.Name)
	if err != nil {
		return last, err
	}
	for _, run := range runs {
		if run.Due.After(last) && !run.Manual {
			last = run.Due
		}
		if run.Outcome == Going {
			if err := r.adopt(ctx, s, run); err != nil {
				return last, err
			}
		}
	}
	r.remember(s.Name, last)
	return last, nil
}

// since returns when a schedule was first seen as it is, and notes that it was.
func (r *Runner) since(ctx context.Context, s *Schedule) (time.Time, error) {
	known, err := r.Store.Settings(ctx, s.Name)
	if err != nil || known.Cron == s.Cron.String() {
		return known.Since, err
	}
	known.Schedule, known.Cron, known.Since = s.Name, s.Cron.String(), now()
	known, err = r.Store.Set(ctx, known)
	return known.Since, err
}

func (r *Runner) log() *slog.Logger {
	if r.Log == nil {
		return slog.Default()
	}
	return r.Log
}
