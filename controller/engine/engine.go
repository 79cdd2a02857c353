package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// Journal is all that the engine needs to know of where events go. Append
// returns once the event is durable, and may be called concurrently. The engine
// fills what an event says; time, author and order are the journal's.
type Journal interface {
	Append(ctx context.Context, e rollout.Event) error
}

// Engine carries out steps on hosts. Its fields are set before the first use.
type Engine struct {
	Journal Journal
	Log     *slog.Logger  // nil is slog.Default
	Grace   time.Duration // how long hosts may still work once the context is cancelled; 0 is until they are done
}

// errJournal is wrapped by what Run and Undo return when the journal refused an
// event.
var errJournal = errors.New("the journal takes no more events")

// Run does every host's task, parallel hosts at a time, and returns one Result
// a host in the order of hosts. The error is not about hosts: it says that the
// journal was lost, and then the results of hosts that ran are not recorded.
//
// task is called when a host's turn has come, so that what it opens is open for
// as long as that host is worked on and no longer.
func (e *Engine) Run(ctx context.Context, hosts []inventory.Host, parallel int, task func(inventory.Host) Task) ([]Result, error) {
	return e.fanOut(ctx, hosts, parallel, func(ctx context.Context, h inventory.Host) Result {
		run := &hostRun{engine: e, journal: e.Journal, host: h.Name, attempt: 1, task: task(h)}
		return run.finish(ctx, run.do(ctx))
	})
}

// Undo takes back, newest first, every step that state says was begun on a
// host, the failed one included. The steps are those of task, found by name. A
// host whose undo fails is left at that step and judged stuck; one on which
// nothing was begun keeps its verdict.
func (e *Engine) Undo(ctx context.Context, state *rollout.State, hosts []inventory.Host, parallel int, task func(inventory.Host) Task) ([]Result, error) {
	return e.fanOut(ctx, hosts, parallel, func(ctx context.Context, h inventory.Host) Result {
		host, _ := state.Host(h.Name)
		if !host.Touched() {
			return Result{Host: h.Name, Verdict: host.Verdict}
		}
		run := &hostRun{engine: e, journal: e.Journal, host: h.Name, attempt: host.Attempt, task: task(h), undoing: true, begun: true}
		return run.finish(ctx, run.undo(ctx, host))
	})
}

// fanOut works on all hosts until they are done, ctx is cancelled or the
// journal is lost.
func (e *Engine) fanOut(ctx context.Context, hosts []inventory.Host, parallel int, work func(context.Context, inventory.Host) Result) ([]Result, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	lasting, cancel := outlive(ctx, e.Grace)
	defer cancel()
	results := EachHost(ctx, hosts, parallel, func(h inventory.Host) Result {
		result := work(lasting, h)
		if errors.Is(result.Err, errJournal) {
			stop(result.Err)
		}
		return result
	})
	if cause := context.Cause(ctx); errors.Is(cause, errJournal) {
		return results, cause
	}
	return results, nil
}

func (e *Engine) log() *slog.Logger {
	if e.Log == nil {
		return slog.Default()
	}
	return e.Log
}
