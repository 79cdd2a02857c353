package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/gate"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/remote"
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
	fleet   *remote.Fleet
	tunnel  *tunnel // nil where no host needs one
	bar     *progress
	lookout *lookout
	past    int // events before this command
}

// carryOut journals a rollout, runs it to its end and prints how it ended.
func (in *installation) carryOut(ctx context.Context, spec rollout.Spec, hosts []inventory.Host) error {
	return in.withJournal(ctx, func(j openJournal) error {
		c := &carrier{in: in, spec: spec, journal: j}
		return c.carry(ctx, hosts, func() (*journal.Writer, error) { return j.Create(ctx, spec) })
	})
}

// carryOn takes a rollout up where it stands, after what was decided of it now,
// and runs it to its end. Hosts that the inventory no longer has are unreachable.
func (in *installation) carryOn(ctx context.Context, id rollout.ID, decided ...rollout.Event) error {
	return in.withJournal(ctx, func(j openJournal) error {
		state, err := j.Read(ctx, id)
		if err != nil {
			return err
		}
		if state.Phase == rollout.Finished && len(decided) == 0 {
			return fmt.Errorf("%s is finished: \"aptfleet retry %s\" takes up the hosts that need it", id, id)
		}
		hosts, err := in.hosts("")
		if err != nil {
			return err
		}
		hosts = slices.DeleteFunc(hosts, func(h inventory.Host) bool {
			_, takesPart := state.Host(h.Name)
			return !takesPart
		})
		c := &carrier{in: in, spec: state.Spec, journal: j, past: state.Events}
		return c.carry(ctx, hosts, func() (*journal.Writer, error) {
			w, err := j.Take(ctx, id)
			for _, e := range decided {
				if err == nil {
					err = w.Append(ctx, e)
				}
			}
			return w, err
		})
	})
}

// carry opens what a rollout needs, begins it and runs it.
func (c *carrier) carry(ctx context.Context, hosts []inventory.Host, begin func() (*journal.Writer, error)) (err error) {
	if c.fleet, err = c.in.fleet(remote.Options{}); err != nil {
		return err
	}
	defer c.fleet.Close() // every host is over by then
	c.bar = c.in.app.newProgress(len(c.spec.Hosts))
	c.lookout = c.in.app.newLookout(c.bar)
	if c.tunnel, err = c.in.tunnelFor(hosts); err != nil {
		return err
	}
	defer c.tunnel.Close()
	if c.writer, err = begin(); err != nil {
		return err
	}
	c.in.app.say("%s: %s on %d hosts, %d at a time", c.writer.ID(), describe(c.spec), len(c.spec.Hosts), c.spec.Policy.Parallel)
	return c.run(ctx, hosts)
}

// run carries the rollout to its end. When ctx is cancelled it is aborted: no
// further host is begun, and those that are worked on are let finish.
func (c *carrier) run(ctx context.Context, hosts []inventory.Host) error {
	shown := c.show(ctx)
	unattended := c.lookout.keep(ctx)
	abort := make(chan string, 1)
	stop := context.AfterFunc(ctx, func() { abort <- "interrupted" })
	defer stop()
	lasting := context.WithoutCancel(ctx)
	state, err := c.journal.Read(lasting, c.writer.ID())
	if err == nil {
		err = (&engine.Engine{Journal: c.writer, Log: c.in.app.log}).Carry(lasting, state,
			engine.Work{Hosts: hosts, Task: c.task, Gate: c.gate(), Abort: abort})
	}
	unattended()
	shown(err == nil)
	if err != nil {
		return fmt.Errorf("%s: %w", c.writer.ID(), err)
	}
	return c.summarize(lasting)
}

// gate looks at hosts over SSH.
func (c *carrier) gate() engine.Gate {
	return &gate.Gate{Reporter: gate.Prober{Fleet: c.fleet}, Settle: c.spec.Policy.Settle}
}

// show follows the journal until what it returns is called, which then waits for
// the end of the rollout if the journal has it.
func (c *carrier) show(ctx context.Context) (stop func(finished bool)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.in.app.follow(ctx, untilFinished(without(c.past, c.journal.Watch(ctx, c.writer.ID()))), c.bar)
	}()
	return func(finished bool) {
		if !finished {
			cancel()
		}
		<-done
		cancel()
		c.bar.end()
	}
}

// task returns what is to be done to one host.
func (c *carrier) task(h inventory.Host, at rollout.HostState) engine.Task {
	link := c.fleet.Link(h)
	spec := c.job(at)
	spec.ReattachFor = c.in.Rollout.Reattach
	c.lookout.see(h.Name, connecting)
	apt := &steps.Apt{Shell: link, Spec: spec, Watch: hostjob.Watch{
		Log:      c.journal.LogWriter(context.Background(), c.writer.ID(), h.Name, spec.ID, 0),
		Progress: (&jobView{app: c.in.app, bar: c.bar, lookout: c.lookout, host: h.Name}).show,
		Silence:  c.in.Rollout.Silence, // a script that waits for ever must not hold the others up
	}}
	end := func() error {
		c.lookout.leave(h.Name)
		return link.Close()
	}
	if c.tunnel == nil || !h.Tunnel {
		return engine.Task{Steps: []engine.Step{apt}, Close: end}
	}
	through := steps.Tunnel{Apt: apt, Link: link, Repository: c.tunnel.host, Serve: c.tunnel.serve}
	return engine.Task{Steps: []engine.Step{through}, Close: end}
}

// job returns the job of a host. Its id has the time of the rollout in it: the
// host may have met another R7, of a controller that lost its journal. It has the
// attempt in it too, so that another attempt is another job, while a step in
// doubt is attached to.
func (c *carrier) job(at rollout.HostState) hostjob.Spec {
	attempt := at.AttemptOf((*steps.Apt)(nil).Name())
	id := fmt.Sprintf("%s-%s", c.writer.ID(), c.spec.When.UTC().Format("20060102T150405.000Z"))
	return jobSpec(c.spec, id, fmt.Sprintf("%s-apt-%d", id, attempt))
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

// summarize prints how the rollout ended, and returns the command's error.
func (c *carrier) summarize(ctx context.Context) error {
	state, err := c.journal.Read(ctx, c.writer.ID())
	if err != nil {
		return err
	}
	if err := c.in.app.print(newStatusLine(c.writer.ID(), state)); err != nil {
		return err
	}
	return failed(state.ExitStatus())
}
