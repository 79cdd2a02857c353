package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aptfleet/aptfleet/pkg/didyoumean"
)

// Status is how a schedule stands.
type Status struct {
	Schedule Schedule
	Settings Settings
	Frozen   string      // the days that today is one of; "" is none
	Next     *Occurrence // the next one that is not frozen; nil if there is none
	Last     *Run        // the newest run; nil before the first
	Begun    *Run        // the newest that was begun, neither skipped nor missed; nil before the first
}

// Statuses returns how every schedule stands, in the order of the configuration.
func (r *Runner) Statuses(ctx context.Context) ([]Status, error) {
	var all []Status
	for _, s := range r.all() {
		status, err := r.status(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("cannot read how schedule %s stands: %w", s.Name, err)
		}
		all = append(all, status)
	}
	return all, nil
}

func (r *Runner) status(ctx context.Context, s Schedule) (Status, error) {
	status := Status{Schedule: s}
	today := now().In(s.Cron.zone)
	if days, frozen := frozen(s.Freeze, today); frozen {
		status.Frozen = days.String()
	}
	if n, ok := s.Next(now()); ok {
		status.Next = &n
	}
	var err error
	if status.Settings, err = r.Store.Settings(ctx, s.Name); err != nil {
		return status, err
	}
	if _, err := r.open(ctx, &s); err != nil { // settles what has ended meanwhile
		return status, err
	}
	runs, err := r.Store.Runs(ctx, s.Name)
	if err != nil || len(runs) == 0 {
		return status, err
	}
	status.Last = &runs[0]
	if i := slices.IndexFunc(runs, Run.begun); i >= 0 {
		status.Begun = &runs[i]
	}
	return status, nil
}

// GoingError says that a run of a schedule still goes.
type GoingError struct{ Run Run }

func (e *GoingError) Error() string { return e.Run.still() }

// ErrUnknown is returned for a schedule that the configuration does not have.
var ErrUnknown = errors.New("there is no schedule")

var errNeverBegan = errors.New("its controller ended before it began")

// Now runs a schedule now, whether it is paused or frozen, and returns once that
// has ended; its window begins now. It is refused while a run of it still goes.
func (r *Runner) Now(ctx context.Context, name string) (Run, error) {
	run, work, err := r.Start(ctx, name)
	if err != nil {
		return run, err
	}
	return work(ctx), nil
}

// Start is Now in two steps: it writes the run down, and returns what carries it
// out, which is to be called once.
func (r *Runner) Start(ctx context.Context, name string) (Run, func(context.Context) Run, error) {
	s, err := r.named(name)
	if err != nil {
		return Run{}, nil, err
	}
	open, err := r.open(ctx, &s)
	if err == nil && open != nil && (open.Rollout != "" || r.isRunning(*open)) {
		err = &GoingError{*open}
	} else if err == nil && open != nil { // nobody will begin it any more
		_, err = r.Store.Amend(ctx, open.ended(Ending{}, errNeverBegan))
	}
	if err != nil {
		return Run{}, nil, fmt.Errorf("cannot run schedule %s: %w", name, err)
	}
	due := now().Truncate(time.Second).In(s.Cron.zone)
	run, err := r.begin(ctx, Run{Schedule: name, Due: due, End: due.Add(s.Window), Manual: true})
	work := func(ctx context.Context) Run { return r.execute(ctx, &s, run, r.beginRollout) }
	return run, work, err
}

// Pause has no occurrence of a schedule begun until Unpause. What runs goes on.
func (r *Runner) Pause(ctx context.Context, name, by string) error {
	return r.setPaused(ctx, name, Settings{Paused: true, PausedBy: by, PausedAt: now()})
}

// Unpause ends a pause. Occurrences that it hindered are not made up for.
func (r *Runner) Unpause(ctx context.Context, name string) error {
	return r.setPaused(ctx, name, Settings{})
}

func (r *Runner) setPaused(ctx context.Context, name string, to Settings) error {
	s, err := r.named(name)
	if err != nil {
		return err
	}
	settings, err := r.Store.Settings(ctx, s.Name)
	if err != nil {
		return fmt.Errorf("cannot read whether schedule %s is paused: %w", name, err)
	}
	if settings.Paused == to.Paused {
		return nil
	}
	settings.Schedule = s.Name
	settings.Paused, settings.PausedBy, settings.PausedAt = to.Paused, to.PausedBy, to.PausedAt
	if !to.Paused {
		settings.Since = now()
	}
	if _, err := r.Store.Set(ctx, settings); err != nil {
		return fmt.Errorf("cannot change whether schedule %s is paused: %w", name, err)
	}
	return nil
}

// named returns the schedule of a name.
func (r *Runner) named(name string) (Schedule, error) {
	all := r.all()
	i := slices.IndexFunc(all, func(s Schedule) bool { return s.Name == name })
	if i < 0 {
		names := func(yield func(string) bool) {
			for _, s := range all {
				if !yield(s.Name) {
					return
				}
			}
		}
		return Schedule{}, fmt.Errorf("%w %q%s", ErrUnknown, name, didyoumean.Hint(name, names))
	}
	return all[i], nil
}
