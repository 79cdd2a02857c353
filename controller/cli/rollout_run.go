package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/gate"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/lease"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/tasks"
	"github.com/aptfleet/aptfleet/inventory"
)

// carrier carries one rollout out: it hands the engine the steps of each host
// and shows what the journal then says.
type carrier struct {
	hostWork
	writer  *journal.Writer
	bar     *progress
	lookout *lookout
	desk    *tasks.Dispatcher // hands hosts to workers; nil where there can be none
	term    int               // of this controller
	past    int               // events before this command
	release func()            // lets go of the rollout; nil while nothing is held
	lease   *lease.Lease
}

// carryOut journals a rollout with what was approved of it, runs it to its end
// and prints how it ended.
func (in *installation) carryOut(ctx context.Context, r *reach, spec rollout.Spec, hosts []inventory.Host, approved []rollout.Event) error {
	return in.withJournal(ctx, func(j openJournal) error {
		c := &carrier{hostWork: hostWork{in: in, spec: spec, journal: j, reach: r}}
		return c.carry(ctx, hosts, func() (*journal.Writer, error) {
			w, err := j.Create(ctx, spec)
			if err == nil {
				err = c.own(ctx, w.ID())
			}
			return w, appendAll(ctx, w, err, in.signed(approved))
		})
	})
}

// carryOn takes a rollout up where it stood, after what was decided of it now,
// and runs it to its end. Hosts that the inventory no longer has are unreachable.
func (in *installation) carryOn(ctx context.Context, r *reach, id rollout.ID, stood *rollout.State, hosts []inventory.Host, decided ...rollout.Event) error {
	return in.withJournal(ctx, func(j openJournal) error {
		c := &carrier{hostWork: hostWork{in: in, spec: stood.Spec, journal: j, reach: r}, past: stood.Events}
		return c.carry(ctx, hosts, func() (w *journal.Writer, err error) {
			if err := c.own(ctx, id); err != nil {
				return nil, err
			}
			if err := j.admits(ctx, id, stood, decided); err != nil {
				return nil, err
			}
			w, err = j.Take(ctx, id)
			return w, appendAll(ctx, w, err, in.signed(decided))
		})
	})
}

// appendAll journals events, unless there was an error before.
func appendAll(ctx context.Context, w *journal.Writer, err error, events []rollout.Event) error {
	for _, e := range events {
		if err == nil {
			err = w.Append(ctx, e)
		}
	}
	return err
}

// carry begins a rollout and runs it.
func (c *carrier) carry(ctx context.Context, hosts []inventory.Host, begin func() (*journal.Writer, error)) (err error) {
	c.bar = c.in.app.newProgress(len(c.spec.Hosts))
	c.lookout = c.in.app.newLookout(c.bar)
	defer func() {
		if c.release != nil {
			c.release()
		}
	}()
	if c.writer, err = begin(); err != nil {
		return err
	}
	c.id = c.writer.ID()
	c.in.begun(c.id)
	c.in.app.say("%s: %s on %s, %d at a time", c.id, describe(c.spec), inventory.Count(len(c.spec.Hosts)), c.spec.Policy.Parallel)
	return c.run(ctx, hosts)
}

// run carries the rollout as far as it goes without a person, and prints where it
// then stands. When ctx is cancelled it is aborted: no further host is begun, and
// those that are worked on are let finish.
func (c *carrier) run(ctx context.Context, hosts []inventory.Host) error {
	lasting, abort, done := c.in.ending(ctx)
	defer done()
	lasting, disown := c.owned(lasting)
	defer disown()
	state, err := c.journal.Read(lasting, c.id)
	if err != nil {
		return err
	}
	c.planned, c.term = plannedGroups(state), state.Term
	leaveDesk, err := c.openDesk()
	if err != nil {
		return err
	}
	defer leaveDesk()
	shown := c.show(context.WithoutCancel(ctx))
	unattended := c.lookout.keep(ctx)
	err = (&engine.Engine{Journal: ownJournal{c.writer, c.lease}, Log: c.in.app.log}).Carry(lasting, state,
		engine.Work{Hosts: hosts, Task: c.task, Prefetch: c.prefetch, Gate: c.gate(), Watch: c.guard(), Abort: abort})
	unattended()
	shown()
	if err != nil && !errors.Is(err, engine.ErrPaused) {
		return fmt.Errorf("%s: %w", c.id, err)
	}
	return c.in.app.left(newStatusLine(c.id, state))
}

// show shows what the journal says until what it returns is called, which waits for
// the last event. Those for whom a daemon works read the journal themselves.
func (c *carrier) show(ctx context.Context) (stop func()) {
	if c.in.errand != nil {
		return func() {}
	}
	left, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		events := journalRecords{c.journal.Journal}.eventsUntil(ctx, c.id, c.past, left)
		if _, err := c.in.app.follow(events, c.bar); err != nil {
			c.in.app.log.WarnContext(ctx, "cannot show what happens", "error", err)
		}
	}()
	return func() {
		close(left)
		<-done
		c.bar.end()
	}
}

// left prints where a rollout was left, and returns the command's error.
func (a *app) left(l statusLine) error {
	if err := a.print(l); err != nil {
		return err
	}
	if l.Waits != nil && l.Waits.For == "continue" {
		return &exitError{rollout.ExitStopped, fmt.Errorf(
			"%s waits after batch %d: \"aptfleet continue %s\" goes on, \"aptfleet rollback %s\" goes back, \"aptfleet abort %s\" ends it", l.ID, l.Batch, l.ID, l.ID, l.ID)}
	}
	return failed(l.ExitStatus)
}

// gate looks at hosts over SSH, or hears their agents where there is a door for
// them, and looks where these do not speak.
func (c *carrier) gate() engine.Gate {
	prober := gate.Prober{Fleet: c.reach.fleet}
	if heard := c.in.reports(); heard != nil {
		return &gate.Gate{Reporter: heard, Fallback: prober, Settle: c.spec.Policy.Settle}
	}
	return &gate.Gate{Reporter: prober, Settle: c.spec.Policy.Settle}
}

// guard hears of hosts that passed their gate; nil where nobody hears their agents.
func (c *carrier) guard() engine.Watch {
	if heard := c.in.reports(); heard != nil {
		return &gate.Guard{Herald: heard, Deadline: c.spec.Policy.Deadline}
	}
	return nil
}

// task returns what is to be done to one host.
func (c *carrier) task(h inventory.Host, at rollout.HostState) engine.Task {
	end := func() error {
		c.leave(h.Name)
		return c.reach.leave(h.Name)
	}
	var all []engine.Step
	for _, name := range c.steps(h.Name) {
		show := c.shown(h)
		all = append(all, c.handed(h, stands(at, name), c.step(h, name, stands(at, name), show), show))
	}
	return engine.Task{Steps: all, Close: end}
}

// prefetch gets a host what its plan brings and takes away.
func (c *carrier) prefetch(ctx context.Context, h inventory.Host, at rollout.HostState) (notes []string, err error) {
	show := c.shown(h)
	defer c.leave(h.Name)
	here := func() ([]string, error) { return c.fetch(ctx, h, stands(at, prefetch), show) }
	if c.desk == nil || h.Tunnel {
		return here()
	}
	return c.desk.Prefetch(ctx, c.handTask(h, stands(at, prefetch), ""), show, here)
}

// shown returns what shows how far the work on a host is.
func (c *carrier) shown(h inventory.Host) func(hostjob.Progress) {
	c.lookout.see(h.Name, connecting)
	if c.in.errand != nil { // those who look on are elsewhere
		return func(p hostjob.Progress) { c.in.errand.motion.see(h.Name, p) }
	}
	return (&jobView{app: c.in.app, bar: c.bar, lookout: c.lookout, host: h.Name}).show
}

// leave ends what is shown of a host.
func (c *carrier) leave(host inventory.HostName) {
	c.lookout.leave(host)
	if c.in.errand != nil {
		c.in.errand.motion.leave(host)
	}
}
