package cli

import (
	"context"
	"errors"
	"fmt"
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

// daemon is an installation that stays: it has the bus open, and rollouts in
// hand for others. A rollout is in one hand at a time. Its methods may be called
// concurrently.
//
// What it has in hand when it ends or is killed is in the journal, and the next
// daemon resumes it.
type daemon struct {
	log        *slog.Logger
	journal    openJournal
	config     atomic.Pointer[config.Config]
	leases     *lease.Leases
	reports    *reports.Reports  // nil where there is no door for agents
	dispatcher *tasks.Dispatcher // nil where there can be no workers
	plans      plans

	// spawn does something as long as the daemon lives, which waits for it.
	spawn func(func(context.Context))

	mu    sync.Mutex
	hands map[rollout.ID]*hand
}

// hand is a rollout in hand.
type hand struct {
	errand *errand       // nil while it waits to be resumed
	left   chan struct{} // closed when it is no longer in hand
}

func newDaemon(log *slog.Logger, cfg *config.Config, j openJournal, spawn func(func(context.Context))) *daemon {
	d := &daemon{log: log, journal: j, spawn: spawn, hands: map[rollout.ID]*hand{}}
	d.config.Store(cfg)
	return d
}

// installation returns the installation as it is configured now, for somebody.
// It shows nothing to nobody: that is for who reads the journal.
func (d *daemon) installation(by string) *installation {
	silent := &app{Streams: Streams{In: http.NoBody, Out: io.Discard, Err: io.Discard}, quiet: true, log: d.log}
	return &installation{Config: d.config.Load(), app: silent, errand: &errand{daemon: d, by: by, begun: make(chan rollout.ID, 1), abort: make(chan string, 1)}}
}

// hold takes a rollout in hand, unless it is in another.
func (d *daemon) hold(id rollout.ID, e *errand) (release func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.hands[id]
	if h != nil && h.errand != nil {
		return nil, inHand(id)
	}
	if h == nil {
		h = &hand{left: make(chan struct{})}
		d.hands[id] = h
	}
	h.errand = e
	return func() { d.letGo(id) }, nil
}

func (d *daemon) letGo(id rollout.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h := d.hands[id]; h != nil {
		close(h.left)
		delete(d.hands, id)
	}
}

func inHand(id rollout.ID) error {
	return &server.Problem{Status: http.StatusConflict, Detail: fmt.Sprintf("%s is at work: abort it first, or wait for its end", id)}
}

// inHand returns the run of a rollout, and what is closed when it is left; nil
// for one that nobody has in hand.
func (d *daemon) inHand(id rollout.ID) (*errand, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.hands[id]
	if h == nil {
		return nil, nil
	}
	return h.errand, h.left
}

// begin has carry carry a rollout out behind the caller's back, and returns once
// that has begun, with its id, or has ended before: then with the error.
func (d *daemon) begin(ctx context.Context, by string, carry func(context.Context, *installation) error) (rollout.ID, error) {
	in := d.installation(by)
	ended, gone := make(chan error), make(chan struct{})
	defer close(gone)
	d.spawn(func(life context.Context) {
		err := carry(life, in)
		select {
		case ended <- err:
		case <-gone:
			d.tell(err)
		}
	})
	select {
	case id := <-in.errand.begun:
		return id, nil
	case err := <-ended:
		select {
		case id := <-in.errand.begun: // and both were there
			d.tell(err)
			return id, nil
		default:
			return "", err
		}
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// tell logs how a rollout ended for which nobody waits.
func (d *daemon) tell(err error) {
	if err != nil && !errors.Is(err, errQuiet) && !errors.Is(err, server.ErrEnding) {
		d.log.Warn("a rollout was left", "error", err)
	}
}

// mark takes a rollout in hand, for resume, unless it is in hand already.
func (d *daemon) mark(id rollout.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hands[id] != nil {
		return false
	}
	d.hands[id] = &hand{left: make(chan struct{})}
	return true
}

// markOpen takes in hand, for resume, what a daemon or command that is dead has
// left, if nobody else can have it. It returns the rollouts.
func (d *daemon) markOpen(ctx context.Context) ([]rollout.ID, error) {
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
		d.mark(e.ID)
	}
	return open, nil
}

// resume goes on with a rollout that was marked. One that waits for a
// person is left to that.
func (d *daemon) resume(ctx context.Context, id rollout.ID) {
	in := d.installation(author())
	err := in.applyDecision(ctx, string(id), func(t existingRollout) ([]rollout.Event, error) {
		if l := newWaitLine(t.state); l != nil && l.For != "time" {
			return nil, errNothingToDo
		}
		return t.resume(ctx, true)
	})
	d.letGo(id) // unless applyDecision has done that
	d.tell(err)
}
