package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// What Run returns when the rollout waits for a person. Nothing is at work
// then. To go on, journal what the person decided and call Run again.
var (
	ErrPaused    = errors.New("the rollout waits for a person to continue it")
	ErrUnplanned = errors.New("the rollout waits for a person to approve its plan")
)

// Gate is all that the engine needs to know of how a host shows that it is healthy.
//
// Wait returns nil once it is, and why it is not when ctx ends, which is at the
// policy's deadline. It only looks, so that it may be called again for the same
// host, and it is called for many hosts at once. at.After has the versions that
// were installed.
type Gate interface {
	Wait(ctx context.Context, h inventory.Host, at rollout.HostState) error
}

// Work is what a rollout is run with.
type Work struct {
	// Hosts has those of the rollout, as the inventory says now. One that it no
	// longer has cannot be reached.
	Hosts []inventory.Host

	// Task returns what is to be done to a host. It is called when the host's
	// turn has come. at is how the host stands: a job is to be named by the
	// attempt of its step, so that whoever resumes attaches to it and whoever
	// tries again does not.
	Task func(h inventory.Host, at rollout.HostState) Task

	// Prefetch gets a host the packages of its plan, before any host is begun, and
	// returns what a person should know of it. It may be called again for the same
	// host. nil is for packages that need no fetching.
	Prefetch func(ctx context.Context, h inventory.Host, at rollout.HostState) (notes []string, err error)

	Gate  Gate          // may be nil where the policy asks for none
	Watch Watch         // of hosts that passed their gate, while nothing is done to them; nil watches none
	Abort <-chan string // aborts the rollout once it says why; may be nil

	PauseWatch Watch // of the same hosts beside Watch, and only in pauses between batches; nil watches none
}

// Run does with a rollout what its events ask for, until it is finished: it
// goes through the batches, or undoes what was done, whichever was decided.
// It may be the first to work on the rollout or one that resumes. state is the
// fold of the journal by now; Run keeps it up to date, and nobody else may use
// it meanwhile. How the rollout ended is in it, and in the journal.
//
// Once ctx is cancelled no further host is begun, those that are worked on are
// let finish, and the cause is returned: the rollout then is as after a crash. With
// ErrTakenOver in the cause they are not let finish, and Append has to refuse whatever
// is to be journaled of them.
// Other errors are ErrPaused, ErrUnplanned, and that the journal was lost.
func (e *Engine) Run(ctx context.Context, state *rollout.State, work Work) error {
	if state.Spec.Policy.Gate && work.Gate == nil {
		return errors.New("cannot run the rollout: it has a gate, and there is nothing to ask")
	}
	r := &rolloutRun{
		engine: e, work: work, state: state, abort: work.Abort,
		hosts: make(map[inventory.HostName]inventory.Host, len(work.Hosts)),
		busy:  map[inventory.HostName]bool{}, ended: make(chan hostEnded), watches: newWatchList(work),
	}
	defer r.watches.endAll()
	for _, h := range work.Hosts {
		r.hosts[h.Name] = h
	}
	var done func()
	r.hostCtx, done = withGrace(ctx, e.Grace)
	defer done()
	r.gateCtx, r.endGates = context.WithCancel(ctx)
	defer r.endGates()
	err := r.run(ctx)
	if lost := r.drain(); lost != nil && !errors.Is(err, errJournal) {
		return lost
	}
	return err
}

// rolloutRun runs one rollout. One goroutine decides, and owns all fields but state;
// there is one for every busy host.
type rolloutRun struct {
	engine   *Engine
	work     Work
	hosts    map[inventory.HostName]inventory.Host
	abort    <-chan string
	busy     map[inventory.HostName]bool
	ended    chan hostEnded
	pausing  bool // between two batches
	watches  *watchList
	hostCtx  context.Context // of what is done to hosts
	gateCtx  context.Context
	endGates context.CancelFunc

	mu    sync.Mutex // guards state
	state *rollout.State
}

// hostEnded says that a host is no longer busy.
type hostEnded struct {
	host inventory.HostName
	lost error // the journal took no more events
}

// Append journals an event and folds it.
func (r *rolloutRun) Append(ctx context.Context, event rollout.Event) error {
	if err := r.engine.Journal.Append(ctx, event); err != nil {
		return err
	}
	event.At = time.Now() // the journal's own differs by less than matters here
	r.mu.Lock()
	defer r.mu.Unlock()
	event.By = cmp.Or(event.By, r.state.Owner)
	return r.state.Apply(event)
}

func (r *rolloutRun) decide(ctx context.Context, event rollout.Event) error {
	if err := r.Append(context.WithoutCancel(ctx), event); err != nil {
		return fmt.Errorf("cannot journal %q: %w: %w", event, errJournal, err)
	}
	return nil
}

func (r *rolloutRun) next() rollout.Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Next(r.busy)
}

// run asks what to do and does it, until there is nothing more or it has to end.
func (r *rolloutRun) run(ctx context.Context) error {
	for _, h := range r.work.Hosts {
		r.watch(h.Name)
	}
	for ctx.Err() == nil {
		if err := r.relapse(ctx); err != nil {
			return err
		}
		d := r.next()
		r.setPausing(d.Pause != nil && !d.Pause.Until.IsZero())
		var err error
		switch {
		case d.Over:
			return nil
		case d.Unplanned:
			return ErrUnplanned
		case d.Record != nil:
			err = r.decide(ctx, *d.Record)
		case d.Pause != nil:
			err = r.pause(ctx, *d.Pause)
		default:
			r.begin(d)
			err = r.wait(ctx, nil)
		}
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// begin begins with hosts.
func (r *rolloutRun) begin(d rollout.Decision) {
	if d.Halted {
		r.endGates()
		r.watches.endAll()
	}
	for _, name := range d.Work {
		r.start(name, r.hostWork)
	}
	for _, name := range d.Prefetch {
		r.start(name, r.hostPrefetch)
	}
	for _, name := range d.Gate {
		r.start(name, r.hostGate)
	}
}

// start does something for a host in its own goroutine.
func (r *rolloutRun) start(name inventory.HostName, do func(inventory.HostName, rollout.HostState, bool) error) {
	r.busy[name] = true
	r.watches.end(name)
	r.mu.Lock()
	at, _ := r.state.Host(name)
	returning := r.state.Returning
	r.mu.Unlock()
	go func() { r.ended <- hostEnded{name, do(name, at, returning)} }()
}

// wait waits until a host is no longer busy, one is no longer healthy, the rollout
// is aborted, timer fires, or ctx is cancelled.
func (r *rolloutRun) wait(ctx context.Context, timer <-chan time.Time) error {
	select {
	case e := <-r.ended:
		return r.release(e)
	case <-r.watches.news:
		return nil
	case why := <-r.abort:
		r.abort = nil
		return r.aborted(ctx, why)
	case <-timer:
		return r.decide(ctx, rollout.Event{Kind: rollout.KindContinued})
	case <-ctx.Done():
		return nil
	}
}

// release makes a host free, and all others that wait for it: what comes next
// is asked once for all of them.
func (r *rolloutRun) release(e hostEnded) error {
	for {
		delete(r.busy, e.host)
		if e.lost != nil {
			return e.lost
		}
		r.watch(e.host)
		select {
		case e = <-r.ended:
		default:
			return nil
		}
	}
}

func (r *rolloutRun) aborted(ctx context.Context, why string) error {
	r.mu.Lock()
	already := r.state.Aborted != nil
	r.mu.Unlock()
	if already {
		return nil
	}
	return r.decide(ctx, rollout.Event{Kind: rollout.KindAborted, Cause: why})
}

// pause waits for the end of a pause, if that is not up to a person.
func (r *rolloutRun) pause(ctx context.Context, p rollout.Pause) error {
	if p.Until.IsZero() {
		return ErrPaused
	}
	timer := time.NewTimer(time.Until(p.Until))
	defer timer.Stop()
	return r.wait(ctx, timer.C)
}

// drain waits for all busy hosts, and returns the first loss of the journal.
func (r *rolloutRun) drain() error {
	r.endGates()
	var lost error
	for len(r.busy) > 0 {
		e := <-r.ended
		delete(r.busy, e.host)
		if lost == nil {
			lost = e.lost
		}
	}
	return lost
}
