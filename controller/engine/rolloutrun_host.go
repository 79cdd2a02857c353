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

// hostWork does what is left to be done to a host, or undoes what was.
func (r *rolloutRun) hostWork(name inventory.HostName, at rollout.HostState, returning bool) error {
	host := &hostRun{engine: r.engine, journal: r, host: name, attempt: at.Attempt, task: r.task(name, at), undoing: returning}
	var err error
	if returning {
		err = host.undo(r.hostCtx, at)
	} else {
		err = host.resume(r.hostCtx, at)
	}
	return host.finish(r.hostCtx, err)
}

// task returns the steps of a host. For one that the inventory no longer has
// they all fail; one on which nothing is to be done needs none.
func (r *rolloutRun) task(name inventory.HostName, at rollout.HostState) Task {
	h, ok := r.hosts[name]
	switch {
	case at.Idle() && !at.Touched():
		r.mu.Lock()
		defer r.mu.Unlock()
		g, _ := r.state.PlanOf(name)
		return Task{found: g.Unchanged}
	case !ok:
		return Task{gone: errGone}
	}
	return r.work.Task(h, at)
}

// hostPrefetch gets a host its packages, and journals whether it has them.
func (r *rolloutRun) hostPrefetch(name inventory.HostName, at rollout.HostState, _ bool) error {
	notes, err := r.prefetch(name, at)
	event := rollout.Event{Kind: rollout.KindPrefetch, Host: name, Attempt: at.Attempt, Status: rollout.Done, Notes: notes}
	if err != nil {
		event.Status, event.Cause, event.Verdict = rollout.Failed, text(err), VerdictOf(err)
	}
	if event.Verdict == rollout.HostUnknown { // it was not touched, whatever became of the packages
		event.Verdict = rollout.HostUnreachable
	}
	if err := r.decide(r.hostCtx, event); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// prefetch fails for a host that has no plan.
func (r *rolloutRun) prefetch(name inventory.HostName, at rollout.HostState) ([]string, error) {
	r.mu.Lock()
	trouble, verdict := r.state.Trouble(name)
	r.mu.Unlock()
	h, ok := r.hosts[name]
	switch {
	case !ok:
		return nil, errGone
	case trouble != "":
		return nil, Judge(verdict, errors.New(trouble))
	case r.work.Prefetch == nil:
		return nil, nil
	}
	return r.work.Prefetch(r.hostCtx, h, at)
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

// hostGate waits until a host is healthy, and journals whether it is. Where the
// waiting itself was ended, nobody knows, and nothing is journaled.
func (r *rolloutRun) hostGate(name inventory.HostName, at rollout.HostState, _ bool) error {
	err := r.askGate(name, at)
	if err != nil && r.gateCtx.Err() != nil {
		return nil
	}
	event := rollout.Event{Kind: rollout.KindGate, Host: name, Attempt: at.Attempt, Status: rollout.Done}
	if err != nil {
		event.Status, event.Cause = rollout.Failed, text(err)
	}
	if err := r.decide(r.hostCtx, event); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (r *rolloutRun) askGate(name inventory.HostName, at rollout.HostState) error {
	h, ok := r.hosts[name]
	if !ok {
		return errGone
	}
	ctx, cancel := context.WithTimeoutCause(r.gateCtx, r.state.Spec.Policy.Deadline, errLate)
	defer cancel()
	return r.work.Gate.Wait(ctx, h, at)
}

var errLate = errors.New("the deadline has passed")
