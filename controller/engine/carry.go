package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// What Carry returns when the rollout waits for a person. Nothing is at work
// then. To go on, journal what the person decided and call Carry again.
var (
	ErrPaused    = errors.New("the rollout waits for a person to continue it")
	ErrUnplanned = errors.New("the rollout waits for a person to approve its plan")
)

// Gate is all that the engine needs to know of how a host shows that it is well.
//
// Wait returns nil once it is, and why it is not when ctx ends, which is at the
// policy's deadline. It only looks, so that it may be called again for the same
// host, and it is called for many hosts at once. at.After has the versions that
// were installed.
type Gate interface {
	Wait(ctx context.Context, h inventory.Host, at rollout.HostState) error
}

// Work is what a rollout is carried out with.
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
	Watch Watch         // of hosts that passed their gate, while they are in nobody's hand; nil watches none
	Abort <-chan string // aborts the rollout once it says why; may be nil
}

// Carry does with a rollout what its events ask for, until it is finished: it
// goes through the batches, or takes back what was done, whichever was decided.
// It may be the first to work on the rollout or one that resumes. state is the
// fold of the journal by now; Carry keeps it up to date, and nobody else may use
// it meanwhile. How the rollout ended is in it, and in the journal.
//
// Once ctx is cancelled no further host is begun, those that are worked on are
// let finish, and the cause is returned: the rollout then is as after a crash. With
// ErrTaken in the cause they are not let finish, and Append has to refuse whatever
// is to be journaled of them.
// Other errors are ErrPaused, ErrUnplanned, and that the journal was lost.
func (e *Engine) Carry(ctx context.Context, state *rollout.State, work Work) error {
	if state.Spec.Policy.Gate && work.Gate == nil {
		return errors.New("cannot carry out the rollout: it has a gate, and there is nothing to ask")
	}
	c := &carrier{
		engine: e, work: work, state: state, abort: work.Abort,
		hosts: make(map[inventory.HostName]inventory.Host, len(work.Hosts)),
		busy:  map[inventory.HostName]bool{}, ended: make(chan ending), vigil: newVigil(work.Watch),
	}
	defer c.vigil.endAll()
	for _, h := range work.Hosts {
		c.hosts[h.Name] = h
	}
	var done func()
	c.lasting, done = outlive(ctx, e.Grace)
	defer done()
	c.gates, c.endGates = context.WithCancel(ctx)
	defer c.endGates()
	err := c.run(ctx)
	if lost := c.drain(); lost != nil && !errors.Is(err, errJournal) {
		return lost
	}
	return err
}

// carrier carries one rollout out. One goroutine decides, and owns all fields
// but state; there is one for every host in hand.
type carrier struct {
	engine   *Engine
	work     Work
	hosts    map[inventory.HostName]inventory.Host
	abort    <-chan string
	busy     map[inventory.HostName]bool
	ended    chan ending
	vigil    *vigil
	lasting  context.Context // of what is done to hosts
	gates    context.Context
	endGates context.CancelFunc

	folding sync.Mutex // guards state
	state   *rollout.State
}

// ending says that a host is no longer in hand.
type ending struct {
	host inventory.HostName
	lost error // the journal took no more events
}

// Append journals an event and folds it.
func (c *carrier) Append(ctx context.Context, event rollout.Event) error {
	if err := c.engine.Journal.Append(ctx, event); err != nil {
		return err
	}
	event.At = time.Now() // the journal's own differs by less than matters here
	c.folding.Lock()
	defer c.folding.Unlock()
	return c.state.Apply(event)
}

func (c *carrier) decide(ctx context.Context, event rollout.Event) error {
	if err := c.Append(context.WithoutCancel(ctx), event); err != nil {
		return fmt.Errorf("cannot journal %q: %w: %w", event, errJournal, err)
	}
	return nil
}

func (c *carrier) next() rollout.Decision {
	c.folding.Lock()
	defer c.folding.Unlock()
	return c.state.Next(c.busy)
}

// run asks what to do and does it, until there is nothing more or it has to end.
func (c *carrier) run(ctx context.Context) error {
	for _, h := range c.work.Hosts {
		c.watch(h.Name)
	}
	for ctx.Err() == nil {
		if err := c.relapse(ctx); err != nil {
			return err
		}
		d := c.next()
		var err error
		switch {
		case d.Over:
			return nil
		case d.Unplanned:
			return ErrUnplanned
		case d.Record != nil:
			err = c.decide(ctx, *d.Record)
		case d.Pause != nil:
			err = c.pause(ctx, *d.Pause)
		default:
			c.begin(d)
			err = c.wait(ctx, nil)
		}
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// begin takes hosts in hand.
func (c *carrier) begin(d rollout.Decision) {
	if d.Halted {
		c.endGates()
		c.vigil.endAll()
	}
	for _, name := range d.Work {
		c.start(name, c.hostWork)
	}
	for _, name := range d.Prefetch {
		c.start(name, c.hostPrefetch)
	}
	for _, name := range d.Gate {
		c.start(name, c.hostGate)
	}
}

// start does something for a host in its own goroutine.
func (c *carrier) start(name inventory.HostName, do func(inventory.HostName, rollout.HostState, bool) error) {
	c.busy[name] = true
	c.vigil.end(name)
	c.folding.Lock()
	at, _ := c.state.Host(name)
	returning := c.state.Returning
	c.folding.Unlock()
	go func() { c.ended <- ending{name, do(name, at, returning)} }()
}

// wait waits until a host is no longer in hand, one is no longer well, the rollout
// is aborted, timer fires, or ctx is cancelled.
func (c *carrier) wait(ctx context.Context, timer <-chan time.Time) error {
	select {
	case e := <-c.ended:
		return c.release(e)
	case <-c.vigil.news:
		return nil
	case why := <-c.abort:
		c.abort = nil
		return c.aborted(ctx, why)
	case <-timer:
		return c.decide(ctx, rollout.Event{Kind: rollout.KindContinued})
	case <-ctx.Done():
		return nil
	}
}

// release lets go of a host, and of all others that wait for it: what comes next
// is asked once for all of them.
func (c *carrier) release(e ending) error {
	for {
		delete(c.busy, e.host)
		if e.lost != nil {
			return e.lost
		}
		c.watch(e.host)
		select {
		case e = <-c.ended:
		default:
			return nil
		}
	}
}

func (c *carrier) aborted(ctx context.Context, why string) error {
	c.folding.Lock()
	already := c.state.Aborted != nil
	c.folding.Unlock()
	if already {
		return nil
	}
	return c.decide(ctx, rollout.Event{Kind: rollout.KindAborted, Cause: why})
}

// pause waits for the end of a pause, if that is not up to a person.
func (c *carrier) pause(ctx context.Context, p rollout.Pause) error {
	if p.Until.IsZero() {
		return ErrPaused
	}
	timer := time.NewTimer(time.Until(p.Until))
	defer timer.Stop()
	return c.wait(ctx, timer.C)
}

// drain waits for all hosts in hand, and returns the first loss of the journal.
func (c *carrier) drain() error {
	c.endGates()
	var lost error
	for len(c.busy) > 0 {
		e := <-c.ended
		delete(c.busy, e.host)
		if lost == nil {
			lost = e.lost
		}
	}
	return lost
}
