package rollout

import (
	"errors"
	"fmt"
	"time"
)

// OnFailure is what to do once a rollout can't go on as it is.
type OnFailure string

// What to do on failure. The zero value is Stop.
const (
	Stop     OnFailure = "stop"     // begin no further host
	Rollback OnFailure = "rollback" // return every host that was touched
	Continue OnFailure = "continue" // go on, however many fail
)

// Policy is how a rollout goes about its hosts. The zero value, with Parallel
// set, works on all of them in one batch and asks nothing of them afterwards.
type Policy struct {
	Parallel int // hosts worked on at a time

	// Batches are the sizes of the batches, of which the last is repeated until
	// no host is left. None is one batch with all hosts.
	Batches []Amount

	// MaxFailures is how many hosts may end failed, unreachable or unknown, over
	// all batches; one more, and OnFailure says what to do. Unsaid is any number.
	MaxFailures Amount
	OnFailure   OnFailure

	// Gate says that a host counts as done only once it has been healthy for Settle,
	// by Deadline after its steps ended.
	Gate     bool
	Settle   time.Duration
	Deadline time.Duration

	// Between two batches there is a Pause, or one until a person says go on.
	Pause   time.Duration
	Confirm bool
}

// Validate reports the first thing in the policy that can't be meant.
func (p Policy) Validate() error {
	switch {
	case p.Parallel < 1:
		return fmt.Errorf("cannot work on %d hosts at a time: parallel must be at least 1", p.Parallel)
	case p.Settle < 0 || p.Deadline < 0 || p.Pause < 0:
		return errors.New("settle, deadline and pause cannot be negative")
	case p.Gate && p.Deadline <= p.Settle:
		return fmt.Errorf("no host can be healthy for %v within %v: deadline must be longer than settle", p.Settle, p.Deadline)
	case p.Pause > 0 && p.Confirm:
		return errors.New("a pause between batches lasts for a time or until a person goes on, not both")
	}
	if err := p.OnFailure.validate(); err != nil {
		return err
	}
	return validateBatches(p.Batches)
}

func (f OnFailure) validate() error {
	switch f {
	case "", Stop, Rollback, Continue:
		return nil
	}
	return fmt.Errorf("unknown on_failure %q: want %s, %s or %s", string(f), Stop, Rollback, Continue)
}

// validateBatches refuses sizes that shrink. A number and a percentage can be
// compared only once the hosts are known, so only like is held against like.
func validateBatches(sizes []Amount) error {
	largest := map[unit]Amount{}
	for _, size := range sizes {
		switch last := largest[size.unit]; {
		case !size.Said() || size.n == 0:
			return fmt.Errorf("batch size %q is no host at all", size)
		case size.n < last.n:
			return fmt.Errorf("batch size %s follows %s: batches must grow", size, last)
		}
		largest[size.unit] = size
	}
	return nil
}
