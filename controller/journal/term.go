package journal

import (
	"context"
	"fmt"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Term returns which of the controllers that ran a rollout, counted from
// 1, has it now; 0 is that it is finished. It reads one event, however many there
// are.
func (j *Journal) Term(ctx context.Context, id rollout.ID) (int, error) {
	decision, err := j.bus.Last(ctx, bus.Journal, decisions(id))
	if err != nil {
		return 0, fmt.Errorf("cannot see who has %s: %w", id, found(err))
	}
	e, err := rollout.DecodeEvent(decision.Data)
	if err != nil {
		return 0, fmt.Errorf("cannot see who has %s: %w", id, err)
	}
	if e.Kind == rollout.KindFinished {
		return 0, nil
	}
	return e.Term, nil
}
