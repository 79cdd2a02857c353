package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/inventory"
)

// ask returns what the flags say, for the daemon.
func (o rolloutOptions) ask(packages []string) (server.RolloutRequest, error) {
	ask := server.RolloutRequest{
		Packages: packages, To: o.to, Mode: o.mode, Suite: o.suite, Parallel: o.parallel, Batches: o.batches,
		MaxFailures: o.failures, OnFailure: o.failure, Settle: o.settle.Seconds(), Deadline: o.deadline.Seconds(),
		NoGate: o.noGate, NoPlan: o.noPlan, AllowRemove: o.remove, AllowHeld: o.held, Reboot: o.reboot,
		Confirm: o.pause == manual,
	}
	if o.pause != "" && !ask.Confirm {
		pause, err := time.ParseDuration(o.pause)
		if err != nil {
			return ask, usageErrorf("--pause: cannot read %q: want a time, like 10m, or %s", o.pause, manual)
		}
		ask.Pause = pause.Seconds()
	}
	return ask, nil
}

// plan has the daemon plan, and shows the plan.
func (c *client) plan(ctx context.Context, ask server.RolloutRequest) (p server.WirePlanned, trouble bool, err error) {
	if err := c.post(ctx, "/v1/plans", ask, &p); err != nil {
		return p, false, err
	}
	groups, err := decodeAll[planLine](p.Items)
	if err != nil {
		return p, false, err
	}
	for _, g := range groups {
		trouble = trouble || g.Trouble != ""
		if err := c.in.app.print(g); err != nil {
			return p, trouble, err
		}
	}
	return p, trouble, nil
}

// showPlan has the daemon plan and nothing more.
func (c *client) showPlan(ctx context.Context, packages []string, o rolloutOptions) error {
	ask, err := o.ask(packages)
	if err != nil {
		return err
	}
	if _, _, err := c.in.specFor(ctx, packages, o); err != nil { // complains as ever, and tells what is left out
		return err
	}
	_, trouble, err := c.plan(ctx, ask)
	if err == nil && trouble {
		err = failed(exitFailed)
	}
	return err
}

// rollOut has the daemon run a rollout, and shows it.
func (c *client) rollOut(ctx context.Context, packages []string, o rolloutOptions) error {
	ask, err := o.ask(packages)
	if err != nil {
		return err
	}
	spec, hosts, err := c.in.specFor(ctx, packages, o) // complains of what can't be meant as ever
	if err != nil {
		return err
	}
	if spec.Planned {
		ask, err = c.approvePlan(ctx, ask, spec, len(hosts), o.yes)
	} else if !o.yes {
		err = c.in.app.confirm(ctx, describe(spec), len(hosts))
	}
	if err != nil {
		return err
	}
	var begun statusLine
	if err := c.post(ctx, "/v1/rollouts", ask, &begun); err != nil {
		return err
	}
	c.in.app.say("%s: %s on %s, %d at a time", begun.ID, describe(spec), inventory.Count(len(begun.Hosts)), spec.Policy.Parallel)
	return c.showRollout(ctx, begun.ID, 0, len(begun.Hosts))
}

// approvePlan has the plan approved, and returns what asks for exactly that.
func (c *client) approvePlan(ctx context.Context, ask server.RolloutRequest, spec rollout.Spec, hosts int, yes bool) (server.RolloutRequest, error) {
	p, _, err := c.plan(ctx, ask)
	if err != nil {
		return ask, err
	}
	if err := refused(p.Refused); err != nil {
		return ask, err
	}
	if n := mayChange(spec, p.Changing, hosts); !yes && n > 0 {
		err = c.in.app.confirm(ctx, describe(spec), n)
	}
	return server.RolloutRequest{Plan: p.Plan}, err
}

// decide has the daemon decide something of a rollout, and shows what comes of it.
func (c *client) decide(ctx context.Context, name string, what server.Decision) error {
	id, err := rollout.ParseID(name)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	stood, err := c.status(ctx, id)
	if err != nil {
		return err
	}
	var now statusLine
	if err := c.post(ctx, rolloutPath(id)+"/"+string(what.Verb), what, &now); err != nil {
		return err
	}
	return c.showRollout(ctx, id, stood.Events, len(now.Hosts))
}

// confirmRollback asks for the number of hosts that may be returned.
func (c *client) confirmRollback(ctx context.Context, name, selector string) error {
	id, err := rollout.ParseID(name)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	stood, err := c.status(ctx, id)
	if err != nil {
		return err
	}
	picked := func(inventory.HostName) bool { return true } // those too that the inventory no longer has
	if selector != "" {
		hosts, err := c.in.hosts(ctx, selector)
		if err != nil {
			return err
		}
		picked = func(name inventory.HostName) bool {
			return slices.ContainsFunc(hosts, func(h inventory.Host) bool { return h.Name == name })
		}
	}
	n := 0
	for _, h := range stood.Hosts {
		if h.touched() && picked(h.Host) {
			n++
		}
	}
	return c.in.app.confirm(ctx, "rollback "+string(id), n)
}

// reconnectFor is how long a daemon that has gone away is waited for.
const reconnectFor = time.Minute

// showRollout shows a rollout of the daemon from an event on, to where it is left, and
// how it stands then. An interrupt leaves it to the daemon.
func (c *client) showRollout(ctx context.Context, id rollout.ID, after, hosts int) error {
	bar := c.in.app.newProgress(hosts)
	defer bar.end()
	for {
		stop := c.showProgress(ctx, id, bar)
		last, err := c.in.app.showEvents(c.events(ctx, id, after), bar)
		stop()
		after = max(after, last)
		if ctx.Err() != nil {
			return c.detached(id)
		}
		if err == nil {
			break
		}
		bar.say(c.in.app, "%s: %v; it resumes with the next daemon", id, err)
		err = c.awaitDaemon(ctx)
		if ctx.Err() != nil {
			return c.detached(id)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	bar.end()
	l, err := c.status(ctx, id)
	if err != nil {
		return err
	}
	return c.in.app.printOutcome(l)
}

// awaitDaemon waits until the daemon answers again.
func (c *client) awaitDaemon(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, reconnectFor, errors.New("the daemon does not come back"))
	defer cancel()
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			if c.get(ctx, "/v1/version", nil) == nil {
				return nil
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// detached is how a command ends that was interrupted.
func (c *client) detached(id rollout.ID) error {
	return fmt.Errorf("interrupted: %s goes on in the daemon; \"aptfleet watch %s\" shows it, \"aptfleet abort %s\" ends it", id, id, id)
}
