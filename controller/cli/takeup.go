package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// stood reads how a rollout stands, named as a person types it.
func (in *installation) stood(ctx context.Context, name string) (id rollout.ID, state *rollout.State, err error) {
	if id, err = rollout.ParseID(name); err != nil {
		return "", nil, &exitError{exitUsage, err}
	}
	err = in.withJournal(ctx, func(j openJournal) error {
		state, err = j.Read(ctx, id)
		return err
	})
	return id, state, err
}

// takenUp is a rollout that a command takes up again: how it stood, and its hosts
// as the inventory has them now.
type takenUp struct {
	in    *installation
	reach *reach
	id    rollout.ID
	state *rollout.State
	hosts []inventory.Host
}

// takeUp goes on with a rollout after what decide says, with the way to its hosts.
func (in *installation) takeUp(ctx context.Context, name string, decide func(takenUp) ([]rollout.Event, error)) error {
	id, state, err := in.stood(ctx, name)
	if err != nil {
		return err
	}
	hosts, err := in.hosts("")
	if err != nil {
		return err
	}
	hosts = slices.DeleteFunc(hosts, func(h inventory.Host) bool {
		_, takesPart := state.Host(h.Name)
		return !takesPart
	})
	return in.withReach(hosts, func(r *reach) error {
		decided, err := decide(takenUp{in, r, id, state, hosts})
		if err != nil {
			return err
		}
		return in.carryOn(ctx, r, id, state, hosts, decided...)
	})
}

// decided is what takeUp asks where there is nothing to be found out before.
func decided(e rollout.Event) func(takenUp) ([]rollout.Event, error) {
	return func(takenUp) ([]rollout.Event, error) { return []rollout.Event{e}, nil }
}

// resume decides nothing, unless the plan is still to be approved.
func (t takenUp) resume(ctx context.Context, yes bool) ([]rollout.Event, error) {
	_, approved := t.state.Plan()
	switch {
	case t.state.Phase == rollout.Finished:
		return nil, fmt.Errorf("%s is finished: \"aptfleet retry %s\" takes up the hosts that need it", t.id, t.id)
	case !t.state.Spec.Planned || approved:
		return nil, nil
	}
	t.in.app.say("%s has no approved plan yet: planning", t.id)
	return t.in.agree(ctx, t.reach, t.state.Spec, t.hosts, yes)
}

// retry takes up the hosts named, or all that need it, and plans for those that
// have no plan.
func (t takenUp) retry(ctx context.Context, named []inventory.HostName) ([]rollout.Event, error) {
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
	late, err := t.in.planLate(ctx, t.reach, t.state, concerned)
	return append(late, retried), err
}
