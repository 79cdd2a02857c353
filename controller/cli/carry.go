package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/steps"
	"github.com/aptfleet/aptfleet/inventory"
)

// maxSilence is how long a job may say nothing before its host is given up as
// unknown: a maintainer script that waits for ever must not hold the others up.
// The job itself goes on.
const maxSilence = 15 * time.Minute

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
}

// carryOut journals a rollout, runs it to its end and prints how it ended.
func (in *installation) carryOut(ctx context.Context, spec rollout.Spec, hosts []inventory.Host) (err error) {
	j, err := in.journal(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	fleet, err := in.fleet(remote.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fleet.Close()) }()
	bar := in.app.newProgress(len(hosts))
	c := &carrier{in: in, spec: spec, journal: j, fleet: fleet, bar: bar, lookout: in.app.newLookout(bar)}
	if slices.ContainsFunc(hosts, func(h inventory.Host) bool { return h.Tunnel }) {
		if c.tunnel, err = in.newTunnel(); err != nil {
			return err
		}
		defer c.tunnel.Close()
	}
	w, err := j.Create(ctx, spec)
	if err != nil {
		return err
	}
	c.writer = w
	in.app.say("%s: %s on %d hosts, %d at a time", w.ID(), describe(spec), len(hosts), spec.Policy.Parallel)
	return c.run(ctx, hosts)
}

func (c *carrier) run(ctx context.Context, hosts []inventory.Host) error {
	shown := c.show(ctx)
	unattended := c.lookout.keep(ctx)
	_, err := (&engine.Engine{Journal: c.writer, Log: c.in.app.log}).Run(ctx, hosts, c.spec.Policy.Parallel, c.task)
	unattended()
	if err == nil {
		_, err = c.writer.Finish(context.WithoutCancel(ctx))
	}
	shown(err == nil)
	if err != nil {
		return fmt.Errorf("%s: %w", c.writer.ID(), err)
	}
	return c.summarize(context.WithoutCancel(ctx))
}

// show follows the journal until what it returns is called, which then waits for
// the end of the rollout if the journal has it.
func (c *carrier) show(ctx context.Context) (stop func(finished bool)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.in.app.follow(ctx, c.journal.Watch(ctx, c.writer.ID()), c.bar)
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
func (c *carrier) task(h inventory.Host) engine.Task {
	link := c.fleet.Link(h)
	spec := c.job(h)
	c.lookout.see(h.Name, connecting)
	apt := &steps.Apt{Shell: link, Spec: spec, Watch: hostjob.Watch{
		Log:      c.journal.LogWriter(context.Background(), c.writer.ID(), h.Name, spec.ID, 0),
		Progress: (&jobView{app: c.in.app, bar: c.bar, lookout: c.lookout, host: h.Name}).show,
		Silence:  maxSilence,
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
// host may have met another R7, of a controller that lost its journal.
func (c *carrier) job(inventory.Host) hostjob.Spec {
	id := fmt.Sprintf("%s-%s", c.writer.ID(), c.spec.When.UTC().Format("20060102T150405.000Z"))
	spec := hostjob.Spec{ID: id + "-apt", Owner: id, Mode: hostjob.Mode(c.spec.Mode)}
	if c.spec.Mode == rollout.DistUpgrade {
		spec.Refresh = hostjob.RefreshAll
	}
	for _, p := range c.spec.Packages {
		spec.Packages = append(spec.Packages, hostjob.Target{Name: p.Name, Version: p.Version})
		// Who names a version means it, also where a newer one is installed.
		spec.AllowDowngrades = spec.AllowDowngrades || p.Version != ""
	}
	return spec
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
	return failed(state.Summary().ExitStatus())
}
