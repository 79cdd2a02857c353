package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

// writeTimeout bounds writes to the Store that are made however late it is.
const writeTimeout = 30 * time.Second

// beginOccurrence writes an occurrence down, and begins it if nothing hinders it.
func (r *Runner) beginOccurrence(ctx context.Context, s *Schedule, n Occurrence) error {
	run := Run{Schedule: s.Name, Due: n.Due, End: n.End}
	hindrance, err := r.hindrance(ctx, s, n)
	if err != nil {
		return err
	}
	if hindrance != "" {
		return r.recordEnded(ctx, run, Skipped, hindrance)
	}
	if run, err = r.begin(ctx, run); err != nil {
		return err
	}
	r.going.Go(func() { r.execute(ctx, s, run, r.beginRollout) })
	return nil
}

// recordEnded writes a run down that is not begun.
func (r *Runner) recordEnded(ctx context.Context, run Run, outcome Outcome, why string) error {
	run.Outcome, run.Text, run.Ended = outcome, why, now()
	run, err := r.begin(ctx, run)
	r.unmarkRunning(run)
	return err
}

// begin writes a new run down and marks it as running here.
func (r *Runner) begin(ctx context.Context, run Run) (Run, error) {
	run.By, run.Began = r.By, now()
	r.markRunning(run)
	written, err := r.Store.Begin(ctx, run)
	if err != nil {
		r.unmarkRunning(run)
		return run, fmt.Errorf("cannot write %s down: %w", run, err)
	}
	r.notice(written)
	return written, nil
}

// hindrance says why an occurrence cannot be begun; "" if it can.
func (r *Runner) hindrance(ctx context.Context, s *Schedule, n Occurrence) (string, error) {
	if days, frozen := s.Frozen(n); frozen {
		return "frozen: " + days.String(), nil
	}
	settings, err := r.Store.Settings(ctx, s.Name)
	if err != nil {
		return "", err
	}
	if settings.Paused {
		return fmt.Sprintf("paused by %s at %s", settings.PausedBy, settings.PausedAt.Format(time.RFC3339)), nil
	}
	open, err := r.open(ctx, s)
	if err != nil || open == nil {
		return "", err
	}
	return open.still(), nil
}

// still says that a run has not ended.
func (r Run) still() string {
	words := fmt.Sprintf("%s still goes", r)
	if r.Rollout != "" {
		words += ": " + string(r.Rollout)
	}
	return words
}

// open returns a run of the schedule that has not ended, or nil.
func (r *Runner) open(ctx context.Context, s *Schedule) (*Run, error) {
	runs, err := r.Store.Runs(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		if run.Outcome != Going {
			continue
		}
		run, err = r.settle(ctx, s, run)
		switch {
		case errors.Is(err, ErrConflict): // somebody else has just settled it, or taken it over
		case err != nil:
			return nil, err
		}
		if run.Outcome == Going {
			return &run, nil
		}
	}
	return nil, nil
}

// settle finds out what became of a run that is open in the Store: its rollout may
// have been carried to its end by others.
func (r *Runner) settle(ctx context.Context, s *Schedule, run Run) (Run, error) {
	if r.isRunning(run) {
		return run, nil
	}
	if run.Rollout == "" {
		id, err := r.Rollouts.Find(ctx, s.order(run))
		if err != nil || id == "" {
			return run, err
		}
		run.Rollout = id
	}
	ending, ended, err := r.Rollouts.Ended(ctx, run.Rollout)
	if err != nil || !ended {
		return run, err
	}
	settled, err := r.Store.Amend(ctx, run.ended(ending, nil))
	if err != nil {
		return run, err
	}
	return settled, nil
}

func (s *Schedule) order(run Run) Order {
	return Order{Schedule: s.Name, Due: run.Due, Command: s.Run}
}

// adopt goes on with a run that a controller left open.
func (r *Runner) adopt(ctx context.Context, s *Schedule, run Run) error {
	if r.isRunning(run) {
		return nil
	}
	run, err := r.settle(ctx, s, run)
	if err != nil || run.Outcome != Going {
		return err
	}
	run.By = r.By
	if run, err = r.Store.Amend(ctx, run); err != nil {
		return fmt.Errorf("cannot take over %s: %w", run, err)
	}
	r.markRunning(run)
	work := r.resumeRollout
	if run.Rollout == "" {
		work = r.beginRollout
	}
	r.going.Go(func() { r.execute(ctx, s, run, work) })
	return nil
}

// execute does the work of a run and writes down how it ended. Where this
// controller goes away before that, the run stays open for the next.
func (r *Runner) execute(ctx context.Context, s *Schedule, run Run, work func(context.Context, *Schedule, *Run) (Ending, error)) Run {
	defer r.unmarkRunning(run)
	limited, cancel := context.WithDeadlineCause(ctx, run.End, &WindowError{s.Name, run.End})
	defer cancel()
	ending, err := work(limited, s, &run)
	if err != nil && ctx.Err() != nil || errors.Is(err, ErrConflict) {
		r.log().Warn("a run of a schedule is left to another controller", "schedule", s.Name, "rollout", run.Rollout, "error", err)
		return run
	}
	run = run.ended(ending, err)
	lasting, stop := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer stop()
	written, err := r.Store.Amend(lasting, run)
	if err != nil {
		r.log().Error("cannot write down how a run ended", "schedule", s.Name, "rollout", run.Rollout, "error", err)
		return run
	}
	r.notice(written)
	return written
}

// beginRollout begins the rollout of a run, and notes its id.
func (r *Runner) beginRollout(ctx context.Context, s *Schedule, run *Run) (Ending, error) {
	if ctx.Err() != nil {
		return Ending{}, fmt.Errorf("cannot begin: %w", context.Cause(ctx))
	}
	return r.Rollouts.Begin(ctx, s.order(*run), func(id rollout.ID) error {
		noted := *run
		noted.Rollout = id
		written, err := r.Store.Amend(ctx, noted)
		if err == nil {
			*run = written
		}
		return err
	})
}

func (r *Runner) resumeRollout(ctx context.Context, _ *Schedule, run *Run) (Ending, error) {
	return r.Rollouts.Resume(ctx, run.Rollout)
}

// ended returns the run as it is once its rollout has ended, or could not begin.
func (r Run) ended(ending Ending, err error) Run {
	r.Ended, r.Outcome, r.Status, r.Text = now(), Done, ending.Status, ending.Text
	if err != nil {
		r.Outcome, r.Text = Failed, err.Error()
	} else if ending.Status != rollout.ExitDone {
		r.Outcome = Failed
	}
	return r
}

func (r *Runner) notice(run Run) {
	if r.Notice != nil {
		r.Notice(run)
	}
}

func (r Run) key() runKey { return runKey{r.Schedule, r.Due.Unix()} }

func (r *Runner) markRunning(run Run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running[run.key()] = true
}

func (r *Runner) unmarkRunning(run Run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, run.key())
}

func (r *Runner) isRunning(run Run) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running[run.key()]
}
