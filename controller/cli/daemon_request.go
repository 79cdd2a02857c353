package cli

import (
	"context"
	"errors"
	"os"

	"github.com/aptfleet/aptfleet/controller/reports"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
)

// request is what a daemon does for somebody, from the moment it is asked for: mostly
// a rollout that it runs.
type request struct {
	daemon   *daemon
	by       string          // who asked
	begun    chan rollout.ID // has its id once it is journaled; room for one
	abort    chan string     // why no further host is to be begun; room for one
	progress hostProgress
	waits    rollout.ID // that it has left waiting for a person; belongs to who runs it
}

// who is the person for whom a rollout is run.
func (in *installation) who() string {
	if in.request != nil {
		return in.request.by
	}
	return author()
}

// commandLine is the command line, where there is one.
func (in *installation) commandLine() []string {
	if in.request != nil {
		return nil
	}
	return os.Args
}

// acquire has a daemon note that it runs a rollout, which it may do once at a time.
func (in *installation) acquire(id rollout.ID) (release func(), err error) {
	if in.request == nil {
		return func() {}, nil
	}
	return in.request.daemon.acquire(id, in.request)
}

// waitFor waits for a rollout that runs already, and reports whether it did.
func (in *installation) waitFor(ctx context.Context, id rollout.ID) bool {
	if in.request == nil {
		return false
	}
	r, done := in.request.daemon.running(id)
	if done == nil {
		return false
	}
	in.request.daemon.waitFor(ctx, r, done)
	return true
}

// reports are what agents say; nil where nobody hears them.
func (in *installation) reports() *reports.Reports {
	if in.request == nil {
		return nil
	}
	return in.request.daemon.reports
}

// started says that a rollout is journaled and will be run.
func (in *installation) started(id rollout.ID) {
	if in.request != nil {
		in.request.begun <- id
	}
}

// attribute has events say who decided them, where that is not who writes them.
func (in *installation) attribute(events []rollout.Event) []rollout.Event {
	for i := range events {
		if in.request != nil {
			events[i].By = in.request.by
		}
	}
	return events
}

// isHandover reports whether what ends for that reason is left to whoever resumes: this
// daemon ends, or another one leads.
func isHandover(cause error) bool { return errors.Is(cause, server.ErrEnding) || lostLease(cause) }

// cancellation returns how a rollout ends before its time. The first result is for the
// engine: when it ends, the rollout is left as by a crash. The second aborts it.
//
// The end of ctx aborts, and only the death of a command leaves a rollout. But a
// daemon that ends leaves its rollouts: the next one resumes.
func (in *installation) cancellation(ctx context.Context) (lasting context.Context, abort <-chan string, done func()) {
	lasting, leave := context.WithCancelCause(context.WithoutCancel(ctx))
	why := make(chan string, 1)
	if in.request != nil {
		why = in.request.abort
	}
	stop := context.AfterFunc(ctx, func() {
		cause := "interrupted"
		if in.request != nil {
			cause = context.Cause(ctx).Error()
		}
		if isHandover(context.Cause(ctx)) {
			leave(context.Cause(ctx))
			return
		}
		select {
		case why <- cause:
		default: // it is aborted already
		}
	})
	return lasting, why, func() {
		stop()
		leave(nil)
	}
}
