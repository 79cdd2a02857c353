package engine

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Step is one reversible action on one target.
//
// The engine journals what Prepare returns before it calls Do, so that Undo can
// run in a later process. Do and Undo must be idempotent: each may run again
// for the same target, and Undo may follow a Do that failed half way.
//
// Errors read "cannot <verb> <thing>: cause" and name no host: the engine puts
// it before them. Judge gives an error a verdict.
type Step interface {
	Name() string
	Prepare(ctx context.Context) (undo json.RawMessage, err error) // reads only
	Do(ctx context.Context) error
	Undo(ctx context.Context, undo json.RawMessage) error
}

// Reporter is a Step that knows versions of packages on its target. The engine
// asks once the step has ended, well or badly; nil means not known. The result
// of a host has the first before and the last after of all its steps.
type Reporter interface {
	Versions() (before, after rollout.Versions)
}

// Task is what is to be done to one host.
type Task struct {
	Steps []Step
	Close func() error // called when the host's work is over; nil if nothing needs it
}

// judged is an error that carries the verdict on its host.
type judged struct {
	error
	verdict rollout.Verdict
}

func (j judged) Unwrap() error { return j.error }

// Judge returns err with the verdict that the host deserves for it. A step that
// returns an error without one has failed on the host.
func Judge(verdict rollout.Verdict, err error) error { return judged{err, verdict} }

// verdictOf reads the verdict off the error that ended a host's work. A step
// that was cut short by its context leaves the host in an unknown state.
func verdictOf(err error) rollout.Verdict {
	var j judged
	switch {
	case err == nil:
		return rollout.HostDone
	case errors.As(err, &j):
		return j.verdict
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return rollout.HostUnknown
	}
	return rollout.HostFailed
}
