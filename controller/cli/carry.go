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
	"github.com/aptfleet/aptfleet/controller/steps"
	"github.com/aptfleet/aptfleet/inventory"
)

// carrier carries one rollout out: it hands the engine the steps of each host
// and shows what the journal then says.
type carrier struct {
	in      *installation
	spec    rollout.Spec
	journal openJournal
	writer  *journal.Writer
	reach   *reach
	planned map[inventory.HostName]rollout.Group // what is to be done; nil where there is no plan
	bar     *progress
	lookout *lookout
	past    int    // events before this command
	release func() // lets go of the rollout; nil while nothing is held
	lease   *lease.Lease
}

// carryOut journals a rollout with what was approved of it, runs it to its end
// and prints how it ended.
func (in *installation) carryOut(ctx context.Context, r *reach, spec rollout.Spec, hosts []inventory.Host, approved []rollout.Event) error {
	return in.withJournal(ctx, func(j openJournal) error {
		c := &carrier{in: in, spec: spec, journal: j, reach: r}
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
		c := &carrier{in: in, spec: stood.Spec, journal: j, reach: r, past: stood.Events}
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
	c.in.begun(c.writer.ID())
	c.in.app.say("%s: %s on %s, %d at a time", c.writer.ID(), describe(c.spec), inventory.Count(len(c.spec.Hosts)), c.spec.Policy.Parallel)
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
	id := c.writer.ID()
	state, err := c.journal.Read(lasting, id)
	if err != nil {
		return err
	}
	c.planned = plannedGroups(state)
	shown := c.show(context.WithoutCancel(ctx))
	unattended := c.lookout.keep(ctx)
	err = (&engine.Engine{Journal: ownJournal{c.writer, c.lease}, Log: c.in.app.log}).Carry(lasting, state,
		engine.Work{Hosts: hosts, Task: c.task, Prefetch: c.prefetch, Gate: c.gate(), Watch: c.guard(), Abort: abort})
	unattended()
	shown()
	if err != nil && !errors.Is(err, engine.ErrPaused) {
		return fmt.Errorf("%s: %w", id, err)
	}
	return c.in.app.left(newStatusLine(id, state))
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
		events := journalRecords{c.journal.Journal}.eventsUntil(ctx, c.writer.ID(), c.past, left)
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
	spec := c.job(h, at, (*steps.Apt)(nil).Name())
	apt := &steps.Apt{Shell: c.reach.link(h), Spec: spec, Watch: c.watch(h, spec.ID)}
	end := func() error {
		c.lookout.leave(h.Name)
		return c.reach.leave(h.Name)
	}
	var step engine.Step = apt
	if h.Tunnel {
		step = steps.Tunnel{Apt: apt, Link: c.reach.link(h), Repository: c.reach.tunnel.host, Serve: c.reach.tunnel.serve}
	}
	return engine.Task{Steps: c.thenReboot(h, at, step), Close: end}
}

// thenReboot adds the restart, if hosts are to be restarted; where nothing is to
// be installed it stands alone.
func (c *carrier) thenReboot(h inventory.Host, at rollout.HostState, apt engine.Step) []engine.Step {
	if c.spec.Reboot == "" {
		return []engine.Step{apt}
	}
	reboot := &steps.Reboot{Shell: c.reach.link(h)}
	reboot.ID = c.job(h, at, reboot.Name()).ID
	reboot.Begun = at.Step(reboot.Name()).Status.Touched()
	if g, planned := c.planned[h.Name]; planned && g.Idle() {
		return []engine.Step{reboot}
	}
	return []engine.Step{apt, reboot}
}

// prefetch gets a host what its plan brings and takes away.
func (c *carrier) prefetch(ctx context.Context, h inventory.Host, at rollout.HostState) (notes []string, err error) {
	spec := c.job(h, at, "prefetch")
	watch := c.watch(h, spec.ID)
	defer c.lookout.leave(h.Name)
	err = c.reach.through(ctx, h, func(proxy hostjob.Proxy) error {
		spec.Proxy = proxy
		notes, err = steps.Prefetch(ctx, c.reach.link(h), spec, watch)
		return err
	})
	return notes, err
}

// watch shows a job, and keeps its log.
func (c *carrier) watch(h inventory.Host, job string) hostjob.Watch {
	c.lookout.see(h.Name, connecting)
	return hostjob.Watch{
		Log:      c.journal.LogWriter(context.Background(), c.writer.ID(), h.Name, job, 0),
		Progress: (&jobView{app: c.in.app, bar: c.bar, lookout: c.lookout, host: h.Name}).show,
		Silence:  c.in.Rollout.Silence, // a script that waits for ever must not hold the others up
	}
}

// job returns the job of a host: what was planned, or else what was asked for. Its
// id has the time of the rollout in it: the host may have met another R7, of a
// controller that lost its journal. It has the attempt in it too, so that another
// attempt is another job, while a step in doubt is attached to.
func (c *carrier) job(h inventory.Host, at rollout.HostState, step string) hostjob.Spec {
	owner := fmt.Sprintf("%s-%s", c.writer.ID(), c.spec.When.UTC().Format("20060102T150405.000Z"))
	spec := jobSpec(c.spec, owner, fmt.Sprintf("%s-%s-%d", owner, step, at.AttemptOf(step)))
	spec.ReattachFor = c.in.Rollout.Reattach
	if g, planned := c.planned[h.Name]; planned {
		return steps.Planned(spec, g)
	}
	return spec
}

// plannedGroups returns what an approved plan has for each host.
func plannedGroups(state *rollout.State) map[inventory.HostName]rollout.Group {
	planned := map[inventory.HostName]rollout.Group{}
	for _, h := range state.Hosts() {
		if g, ok := state.PlanOf(h.Name); ok {
			planned[h.Name] = g
		}
	}
	return planned
}

// jobSpec returns the job that does on a host what a rollout was asked for.
func jobSpec(spec rollout.Spec, owner, id string) hostjob.Spec {
	job := hostjob.Spec{ID: id, Owner: owner, Mode: hostjob.Mode(spec.Mode)}
	if spec.Mode == rollout.DistUpgrade {
		job.Refresh = hostjob.RefreshAll
	}
	for _, p := range spec.Packages {
		job.Packages = append(job.Packages, hostjob.Target{Name: p.Name, Version: p.Version})
		// Who names a version means it, also where a newer one is installed.
		job.AllowDowngrades = job.AllowDowngrades || p.Version != ""
	}
	return job
}
