package journal

import (
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

// FencedError says that another controller has taken the rollout.
type FencedError struct {
	ID rollout.ID
	By string // who has it now
	At time.Time
}

func (e *FencedError) Error() string {
	return fmt.Sprintf("%s was taken over by %s at %s", e.ID, e.By, e.At.Format(time.RFC3339))
}

// GapError says that events of a rollout are missing or damaged.
type GapError struct {
	ID       rollout.ID
	Sequence uint64 // in the journal, of the event at which it was noticed; 0 is the end
	Reason   string
}

func (e *GapError) Error() string {
	where := fmt.Sprintf("at sequence %d", e.Sequence)
	if e.Sequence == 0 {
		where = "at the end"
	}
	return fmt.Sprintf("the journal of %s is damaged %s: %s", e.ID, where, e.Reason)
}
