package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// errGone is why a host of the rollout cannot be worked on.
var errGone = Judge(rollout.HostUnreachable, errors.New("cannot find the host: the inventory no longer has it"))

// hostWork does what is left to be done to a host, or takes back what was.
func (c *carrier) hostWork(name inventory.HostName, at rollout.HostState, returning bool) error {
	run := &hostRun{engine: c.engine, journal: c, host: name, attempt: at.Attempt, task: c.task(name, at), undoing: returning}
	var err error
	if returning {
		err = run.undo(c.lasting, at)
	} else {
		err = run.resume(c.lasting, at)
	}
	return run.finish(c.lasting, err)
}

// task returns the steps of a host. For one that the inventory no longer has
// they all fail; one on which nothing is to be done needs none.
func (c *carrier) task(name inventory.HostName, at rollout.HostState) Task {
	h, ok := c.hosts[name]
	switch {
	case at.Idle() && !at.Touched():
		c.folding.Lock()
		defer c.folding.Unlock()
		g, _ := c.state.PlanOf(name)
		return Task{found: g.Unchanged}
	case !ok:
		return Task{gone: errGone}
	}
	return c.work.Task(h, at)
}

// hostPrefetch gets a host its packages, and journals whether it has them.
func (c *carrier) hostPrefetch(name inventory.HostName, at rollout.HostState, _ bool) error {
	notes, err := c.prefetch(name, at)
	event := rollout.Event{Kind: rollout.KindPrefetch, Host: name, Attempt: at.Attempt, Status: rollout.Done, Notes: notes}
	if err != nil {
		event.Status, event.Cause, event.Verdict = rollout.Failed, text(err), VerdictOf(err)
	}
	if event.Verdict == rollout.HostUnknown { // it was not touched, whatever became of the packages
		event.Verdict = rollout.HostUnreachable
	}
	if err := c.decide(c.lasting, event); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// prefetch fails for a host that has no plan.
func (c *carrier) prefetch(name inventory.HostName, at rollout.HostState) ([]string, error) {
	c.folding.Lock()
	trouble, verdict := c.state.Trouble(name)
	c.folding.Unlock()
	h, ok := c.hosts[name]
	switch {
	case !ok:
		return nil, errGone
	case trouble != "":
		return nil, Judge(verdict, errors.New(trouble))
	case c.work.Prefetch == nil:
		return nil, nil
	}
	return c.work.Prefetch(c.lasting, h, at)
}

// resume goes on where the host stands. Where a step has failed, and the
// controller before died before it said so of the host, nothing is left but to say it.
func (r *hostRun) resume(ctx context.Context, at rollout.HostState) error {
	r.report = Report{at.Before, at.After, at.Notes}
	if r.task.found != nil {
		r.report.Before, r.report.After = r.task.found, r.task.found
	}
	r.done = map[string]bool{}
	for _, step := range at.Steps {
		if step.Status == rollout.Failed {
			r.step = step.Name
			return errors.New(step.Cause)
		}
		r.done[step.Name] = step.Status == rollout.Done
	}
	return r.do(ctx)
}

// hostGate waits until a host is well, and journals whether it is. Where the
// waiting itself was ended, nobody knows, and nothing is journaled.
func (c *carrier) hostGate(name inventory.HostName, at rollout.HostState, _ bool) error {
	err := c.ask(name, at)
	if err != nil && c.gates.Err() != nil {
		return nil
	}
	event := rollout.Event{Kind: rollout.KindGate, Host: name, Attempt: at.Attempt, Status: rollout.Done}
	if err != nil {
		event.Status, event.Cause = rollout.Failed, text(err)
	}
	if err := c.decide(c.lasting, event); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (c *carrier) ask(name inventory.HostName, at rollout.HostState) error {
	h, ok := c.hosts[name]
	if !ok {
		return errGone
	}
	ctx, cancel := context.WithTimeoutCause(c.gates, c.state.Spec.Policy.Deadline, errLate)
	defer cancel()
	return c.work.Gate.Wait(ctx, h, at)
}

var errLate = errors.New("the deadline has passed")
