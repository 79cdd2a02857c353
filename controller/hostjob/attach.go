package hostjob

import (
	"context"
	"errors"
)

// ErrNoJob says that the host has no job of that ID.
var ErrNoJob = errors.New("the host has no such job")

// Attach is Run for a job that must have been started before: where the host
// has none it starts nothing, and the verdict is NotStarted with ErrNoJob.
func Attach(ctx context.Context, sh Shell, spec Spec, watch Watch) (Outcome, error) {
	if err := spec.Validate(); err != nil {
		return Outcome{Verdict: NotStarted, Exit: -1}, err
	}
	f := newFollower(sh, spec.withDefaults(), watch)
	f.started, f.mayRun = true, true
	o, err := f.run(ctx)
	if errors.Is(err, ErrNoJob) {
		o.Verdict = NotStarted
	}
	return o, err
}
