package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/aptfleet/aptfleet/controller/config"
	"github.com/aptfleet/aptfleet/controller/lease"
	"github.com/aptfleet/aptfleet/controller/reports"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/controller/tasks"
)

// daemon is an installation that stays: it has the bus open, and runs rollouts for
// others, each for one request at a time. Its methods may be called concurrently.
//
// What it runs when it ends or is killed is in the journal, and the next daemon
// resumes it.
type daemon struct {
	log        *slog.Logger
	journal    openJournal
	config     atomic.Pointer[config.Config]
	leases     *lease.Leases
	reports    *reports.Reports  // nil where the bus does not listen to agents
	dispatcher *tasks.Dispatcher // nil where there can be no workers
	plans      planCache

	// spawn does something as long as the daemon lives, which waits for it.
	spawn func(func(context.Context))

	mu           sync.Mutex
	rollouts     map[rollout.ID]*runningRollout
	pauseWatches map[pauseKey]bool
}

// runningRollout is a rollout that the daemon runs, or is about to resume.
type runningRollout struct {
	request *request      // nil while it waits to be resumed
	done    chan struct{} // closed when it runs no longer
}

func newDaemon(log *slog.Logger, cfg *config.Config, j openJournal, spawn func(func(context.Context))) *daemon {
	d := &daemon{log: log, journal: j, spawn: spawn, rollouts: map[rollout.ID]*runningRollout{}, pauseWatches: map[pauseKey]bool{}}
	d.config.Store(cfg)
	return d
}

// installation returns the installation as it is configured now, for somebody.
// It shows nothing to nobody: that is for who reads the journal.
func (d *daemon) installation(by string) *installation {
	silent := &app{Streams: Streams{In: http.NoBody, Out: io.Discard, Err: io.Discard}, quiet: true, log: d.log}
	return &installation{Config: d.config.Load(), app: silent, request: &request{daemon: d, by: by, begun: make(chan rollout.ID, 1), abort: make(chan string, 1)}}
}

// acquire has a request run a rollout, unless another one does.
func (d *daemon) acquire(id rollout.ID, req *request) (release func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.rollouts[id]
	if r != nil && r.request != nil {
		return nil, alreadyRunning(id)
	}
	if r == nil {
		r = &runningRollout{done: make(chan struct{})}
		d.rollouts[id] = r
	}
	r.request = req
	return func() { d.release(id) }, nil
}

func (d *daemon) release(id rollout.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.rollouts[id]; r != nil {
		close(r.done)
		delete(d.rollouts, id)
	}
}

func alreadyRunning(id rollout.ID) error {
	return conflict("%s is running: abort it first, or wait for its end", id)
}

// running returns the request that runs a rollout, and what is closed when it runs no
// longer; nil for one that the daemon does not run.
func (d *daemon) running(id rollout.ID) (*request, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.rollouts[id]
	if r == nil {
		return nil, nil
	}
	return r.request, r.done
}

// follower looks at rollouts that run in this daemon, and in others.
func (d *daemon) follower() follower {
	return follower{d.journal, d.leases, func(id rollout.ID) <-chan struct{} {
		_, done := d.running(id)
		return done
	}}
}

// start has run run a rollout behind the caller's back, and returns once that has
// begun, with its id, or has ended before: then with the error.
func (d *daemon) start(ctx context.Context, by string, run func(context.Context, *installation) error) (rollout.ID, error) {
	in := d.installation(by)
	ended, gone := make(chan error), make(chan struct{})
	defer close(gone)
	d.spawn(func(life context.Context) {
		err := run(life, in)
		select {
		case ended <- err:
		case <-gone:
			d.logError(err)
		}
		d.watchPauses(life, in)
	})
	select {
	case id := <-in.request.begun:
		return id, nil
	case err := <-ended:
		select {
		case id := <-in.request.begun: // and both were there
			d.logError(err)
			return id, nil
		default:
			return "", err
		}
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// logError logs how a rollout ended for which nobody waits.
func (d *daemon) logError(err error) {
	if err != nil && !errors.Is(err, errQuiet) && !errors.Is(err, server.ErrEnding) {
		d.log.Warn("a rollout was left", "error", err)
	}
}

// reserve notes a rollout as running, for resume, unless it runs already.
func (d *daemon) reserve(id rollout.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rollouts[id] != nil {
		return false
	}
	d.rollouts[id] = &runningRollout{done: make(chan struct{})}
	return true
}

// reserveUnfinished reserves what a daemon or command that is dead has left, if nobody
// else can have it. It returns the rollouts.
func (d *daemon) reserveUnfinished(ctx context.Context) ([]rollout.ID, error) {
	if !d.journal.bus.Embedded() {
		return nil, nil
	}
	entries, err := d.journal.List(ctx)
	if err != nil {
		return nil, err
	}
	var open []rollout.ID
	for _, e := range entries {
		if e.Err != nil {
			d.log.Error("a rollout cannot be read, and is left as it is", "rollout", string(e.ID), "error", e.Err)
			continue
		}
		if _, finished := e.Finished(); finished {
			continue
		}
		open = append(open, e.ID)
		d.reserve(e.ID)
	}
	return open, nil
}

// resume goes on with a rollout that was marked. One that waits for a
// person is left to that, and its hosts are looked after.
func (d *daemon) resume(ctx context.Context, id rollout.ID) {
	in := d.installation(author())
	err := in.applyDecision(ctx, string(id), func(t existingRollout) ([]rollout.Event, error) {
		if leftToPerson(t.state) {
			in.request.waits = id
			return nil, errNothingToDo
		}
		return t.resume(ctx, true)
	})
	d.release(id) // unless applyDecision has done that
	d.logError(err)
	d.watchPauses(ctx, in)
}
