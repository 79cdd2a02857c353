package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/schedule"
	"github.com/aptfleet/aptfleet/inventory"
)

// scheduledRollouts runs what schedules ask for, as the command would.
type scheduledRollouts struct {
	journal      openJournal
	installation func(by string) *installation // as it is configured now
}

var _ schedule.Rollouts = scheduledRollouts{}

// Begin plans, and begins what is planned if nothing in it is refused. Its id is
// noted before any host is begun.
func (s scheduledRollouts) Begin(ctx context.Context, o schedule.Order, noted func(rollout.ID) error) (schedule.Ending, error) {
	in := s.installation(o.Author())
	spec, hosts, err := in.specOfOrder(ctx, o)
	if err != nil {
		return schedule.Ending{}, err
	}
	var id rollout.ID
	err = in.withConnections(hosts, func(conns *connections) error {
		var approved []rollout.Event
		if spec.Planned {
			if approved, err = in.approvePlan(ctx, conns, spec, hosts, true); err != nil {
				return err
			}
		}
		run := &rolloutRun{hostWork: hostWork{in: in, spec: spec, journal: s.journal, conns: conns}}
		return run.execute(ctx, hosts, func() (w *journal.Writer, err error) {
			if w, id, err = s.create(ctx, spec, approved, noted); err == nil {
				err = run.acquire(ctx, id)
			}
			return w, err
		})
	})
	return s.ending(ctx, id, err)
}

// create journals a rollout and has its id noted. One that cannot be noted belongs
// to nobody, and is ended.
func (s scheduledRollouts) create(ctx context.Context, spec rollout.Spec, approved []rollout.Event, noted func(rollout.ID) error) (*journal.Writer, rollout.ID, error) {
	w, err := s.journal.Create(ctx, spec)
	if err != nil {
		return nil, "", err
	}
	if err := noted(w.ID()); err != nil {
		ended := w.Append(ctx, rollout.Event{Kind: rollout.KindAborted, Cause: err.Error()})
		if ended == nil {
			_, ended = w.Finish(ctx)
		}
		return nil, "", errors.Join(fmt.Errorf("%s is not begun: %w", w.ID(), err), ended)
	}
	return w, w.ID(), appendAll(ctx, w, nil, approved)
}

// specOfOrder returns what a schedule asks for, and the hosts.
func (in *installation) specOfOrder(ctx context.Context, o schedule.Order) (rollout.Spec, []inventory.Host, error) {
	asked, err := in.app.parseScheduleCommand(o.Command)
	if err != nil {
		return rollout.Spec{}, nil, err
	}
	spec, hosts, err := in.specFor(ctx, asked.packages, asked.options)
	spec.Who, spec.Command = o.Author(), o.Command
	return spec, hosts, err
}

// ending tells how the rollout ended that was run and returned err, unless
// it has not ended.
func (s scheduledRollouts) ending(ctx context.Context, id rollout.ID, err error) (schedule.Ending, error) {
	if id == "" {
		return schedule.Ending{}, err
	}
	ending, ended, read := s.Ended(context.WithoutCancel(ctx), id)
	switch {
	case read != nil:
		return ending, errors.Join(err, read)
	case !ended && err == nil:
		return ending, fmt.Errorf("%s has not ended", id)
	case !ended:
		return ending, err
	}
	return ending, nil
}

// Find looks for a rollout by the schedule that was created since it was due.
func (s scheduledRollouts) Find(ctx context.Context, o schedule.Order) (rollout.ID, error) {
	entries, err := s.journal.List(ctx)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		switch spec := e.Created.Spec; {
		case spec == nil: // it is damaged
		case e.Created.At.Before(o.Due):
			return "", nil
		case spec.Who == o.Author():
			return e.ID, nil
		}
	}
	return "", nil
}

// Resume goes on with a rollout.
func (s scheduledRollouts) Resume(ctx context.Context, id rollout.ID) (schedule.Ending, error) {
	in := s.installation(author())
	if in.waitFor(ctx, id) {
		return s.ending(ctx, id, nil)
	}
	err := in.applyDecision(ctx, string(id), func(t existingRollout) ([]rollout.Event, error) { return t.resume(ctx, true) })
	return s.ending(ctx, id, err)
}

// Ended reads how a rollout ended.
func (s scheduledRollouts) Ended(ctx context.Context, id rollout.ID) (schedule.Ending, bool, error) {
	state, err := s.journal.Read(ctx, id)
	if err != nil || state.Phase != rollout.Finished {
		return schedule.Ending{}, false, err
	}
	return schedule.Ending{Status: state.ExitStatus(), Text: summaryLine(state.Summary()).String()}, true, nil
}
