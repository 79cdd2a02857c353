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

// Report is what a step found out about its target.
type Report struct {
	Before, After rollout.Versions // of packages; nil is not known
	Notes         []string         // what a person should know although all went well
}

// Reporter is a Step that has something to report. The engine asks once the step
// has ended, well or badly. The result of a host has the first Before, the last
// After and all Notes of its steps.
type Reporter interface {
	Report() Report
}

// Task is what is to be done to one host.
type Task struct {
	Steps []Step
	Close func() error // called when the host's work is over; nil if nothing needs it

	gone  error            // why there are no steps, although there should be
	found rollout.Versions // of a host on which nothing is to be done
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

// VerdictOf reads the verdict off the error that ended a host's work. A step
// that was cut short by its context leaves the host in an unknown state.
func VerdictOf(err error) rollout.Verdict {
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
