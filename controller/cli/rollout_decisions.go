package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/inventory"
)

// readRollout reads how a rollout stands, named as a person types it.
func (in *installation) readRollout(ctx context.Context, name string) (id rollout.ID, state *rollout.State, err error) {
	if id, err = rollout.ParseID(name); err != nil {
		return "", nil, &exitError{exitUsage, err}
	}
	err = in.withJournal(ctx, func(j openJournal) error {
		state, err = j.Read(ctx, id)
		return err
	})
	return id, state, err
}

// existingRollout is a rollout of which a command decides something: how it stood, and
// its hosts as the inventory has them now.
type existingRollout struct {
	in    *installation
	conns *connections
	id    rollout.ID
	state *rollout.State
	hosts []inventory.Host
}

// errNothingToDo is what decide returns where nothing is left to be done: the command ends
// as the one did that has done it.
var errNothingToDo = errors.New("nothing is left to be done")

// applyDecision goes on with a rollout after what decide says, with the way to its hosts.
func (in *installation) applyDecision(ctx context.Context, name string, decide func(existingRollout) ([]rollout.Event, error)) error {
	id, state, err := in.readRollout(ctx, name)
	if err != nil {
		return err
	}
	hosts, err := in.allHosts()
	if err != nil {
		return err
	}
	hosts = slices.DeleteFunc(hosts, func(h inventory.Host) bool {
		_, takesPart := state.Host(h.Name)
		return !takesPart
	})
	return in.withConnections(hosts, func(conns *connections) error {
		decided, err := decide(existingRollout{in, conns, id, state, hosts})
		if errors.Is(err, errNothingToDo) {
			return in.printAgain(id, state)
		}
		if err != nil {
			return err
		}
		return in.resumeRollout(ctx, conns, id, state, hosts, decided...)
	})
}

// decide has something decided of a rollout and done: by the daemon, or here.
func (in *installation) decide(ctx context.Context, name string, what server.Decision, here func(existingRollout) ([]rollout.Event, error)) error {
	if c := in.client(ctx); c != nil {
		return c.decide(ctx, name, what)
	}
	return in.applyDecision(ctx, name, here)
}

// printAgain prints how a rollout ended, and returns the command's error.
func (in *installation) printAgain(id rollout.ID, state *rollout.State) error {
	in.app.say("%s: %v", id, errNothingToDo)
	return in.app.printOutcome(newStatusLine(id, state))
}

// checkDecision reports whether a rollout can be resumed after what was decided of it
// when it stood so. Once it is taken, it is open again: a decision that is refused
// then, or was made of something that is so no more, would leave it there.
func (j openJournal) checkDecision(ctx context.Context, id rollout.ID, stood *rollout.State, decided []rollout.Event) error {
	now, err := j.Read(ctx, id)
	if err != nil {
		return err
	}
	if now.Events != stood.Events {
		return conflict("%s has gone on meanwhile, run by %s: look at \"aptfleet status %s\" and decide anew", id, now.Owner, id)
	}
	for _, e := range append([]rollout.Event{{Kind: rollout.KindTaken, Term: now.Term + 1}}, decided...) {
		if err := now.Apply(e); err != nil {
			return conflict("%s: %v", id, err)
		}
	}
	return nil
}

// conflict is that a rollout stands so that what somebody decided cannot be.
func conflict(format string, args ...any) error {
	return &server.Problem{Status: http.StatusConflict, Detail: fmt.Sprintf(format, args...)}
}

// abort decides that the rollout ends, unless that was decided already.
func (t existingRollout) abort() ([]rollout.Event, error) {
	switch {
	case t.state.Phase == rollout.Finished:
		return nil, errNothingToDo
	case t.state.Aborted != nil:
		return nil, nil
	}
	return []rollout.Event{{Kind: rollout.KindAborted, Cause: "asked for"}}, nil
}

// touched returns those of the touched hosts that a selector picks. Without one it is
// all of them: what the inventory no longer has is not left out in silence.
func (t existingRollout) touched(ctx context.Context, selector string) (names []inventory.HostName, err error) {
	if selector == "" {
		for _, at := range t.state.Hosts() {
			if at.Touched() {
				names = append(names, at.Name)
			}
		}
		return names, nil
	}
	picked, err := t.in.hosts(ctx, selector)
	if err != nil {
		return nil, err
	}
	for _, h := range picked {
		if at, ok := t.state.Host(h.Name); ok && at.Touched() {
			names = append(names, h.Name)
		}
	}
	return names, nil
}

// leftAtWork refuses to take back some hosts while others are left as a dead controller
// had them at work: nobody would find out what became of those.
func (t existingRollout) leftAtWork(back []inventory.HostName) error {
	for _, h := range t.state.Hosts() {
		if h.Verdict == rollout.HostRunning && !slices.Contains(back, h.Name) {
			return fmt.Errorf("%s: %s is at work still: \"aptfleet resume %s\" or \"aptfleet abort %s\" first, or take all hosts back", t.id, h.Name, t.id, t.id)
		}
	}
	return nil
}

// rollback decides that hosts are returned: those of the touched ones that a selector
// picks.
func (t existingRollout) rollback(ctx context.Context, selector string, yes bool) ([]rollout.Event, error) {
	names, err := t.touched(ctx, selector)
	if err != nil {
		return nil, err
	}
	switch {
	case len(names) > 0:
	case t.state.Returning && t.state.Phase == rollout.Finished:
		return nil, errNothingToDo
	case t.state.Returning:
		return nil, nil
	default:
		return nil, fmt.Errorf("%s has touched none of these hosts", t.id)
	}
	if err := t.leftAtWork(names); err != nil {
		return nil, err
	}
	if !yes {
		if err := t.in.app.confirm(ctx, "rollback "+string(t.id), len(names)); err != nil {
			return nil, err
		}
	}
	return []rollout.Event{{Kind: rollout.KindRollback, Cause: "asked for", Hosts: names}}, nil
}

// resume decides nothing, unless the plan is still to be approved.
func (t existingRollout) resume(ctx context.Context, yes bool) ([]rollout.Event, error) {
	_, approved := t.state.Plan()
	switch {
	case t.state.Phase == rollout.Finished:
		return nil, errNothingToDo
	case !t.state.Spec.Planned || approved:
		return nil, nil
	}
	t.in.app.say("%s has no approved plan yet: planning", t.id)
	return t.in.approvePlan(ctx, t.conns, t.state.Spec, t.hosts, yes)
}

// retry decides for the hosts named, or all that need it, and plans for those that
// have no plan.
func (t existingRollout) retry(ctx context.Context, named []inventory.HostName) ([]rollout.Event, error) {
	for _, name := range named {
		if _, takesPart := t.state.Host(name); !takesPart {
			return nil, errNoPart(t.id, name)
		}
	}
	retried := rollout.Event{Kind: rollout.KindRetried, Hosts: named}
	if !t.state.Spec.Planned {
		return []rollout.Event{retried}, nil
	}
	if _, approved := t.state.Plan(); !approved {
		return nil, fmt.Errorf("no plan of %s was approved: \"aptfleet resume %s\" makes one", t.id, t.id)
	}
	concerned := slices.DeleteFunc(slices.Clone(t.hosts), func(h inventory.Host) bool {
		return len(named) > 0 && !slices.Contains(named, h.Name)
	})
	late, err := t.in.planLate(ctx, t.conns, t.state, concerned)
	return append(late, retried), err
}
