package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nuid"

	"github.com/aptfleet/aptfleet/controller/bus"
)

// Action is something that somebody did, or was refused, that is no event of a
// rollout: a package was published, a host forgotten, a token not taken.
type Action struct {
	At    time.Time
	By    string // who asked for it
	Did   string // what it was: publish, promote
	What  string // to what, in words
	Error string // why it was refused or failed; "" if it was done
}

// What an Action has as Did that is a run of a schedule of which there is no
// rollout; Error says why.
const (
	SkippedRun = "skip schedule" // it was not begun
	FailedRun  = "fail schedule" // it could not begin
)

// actionVersion is raised as wireVersion of rollout's events is.
const actionVersion = 1

// wireAction is an Action as it is stored.
type wireAction struct {
	Version int       `json:"v"`
	At      time.Time `json:"t"`
	By      string    `json:"by"`
	Did     string    `json:"d"`
	What    string    `json:"w,omitempty"`
	Error   string    `json:"e,omitempty"`
}

const actions = "a.log"

// Record keeps an action; its time is filled in. It returns once the action is
// durable.
func (j *Journal) Record(ctx context.Context, a Action) error {
	data, err := json.Marshal(wireAction{actionVersion, j.now().UTC(), a.By, a.Did, a.What, a.Error})
	if err == nil {
		_, err = j.bus.PublishAll(ctx, bus.NewMessage(actions, nuid.Next(), data))
	}
	if err != nil {
		return fmt.Errorf("cannot record %q: %w", a.Did, err)
	}
	return nil
}

// Actions returns what was recorded, oldest first.
func (j *Journal) Actions(ctx context.Context) ([]Action, error) {
	var all []Action
	for s, err := range j.bus.Present(ctx, bus.Audit, actions) {
		if err != nil {
			return nil, fmt.Errorf("cannot read what was done: %w", err)
		}
		a, err := decodeAction(s.Data)
		if err != nil {
			return nil, fmt.Errorf("cannot read what was done: sequence %d: %w", s.Sequence, err)
		}
		all = append(all, a)
	}
	return all, nil
}

func decodeAction(data []byte) (Action, error) {
	var w wireAction
	if err := json.Unmarshal(data, &w); err != nil {
		return Action{}, err
	}
	if w.Version > actionVersion {
		return Action{}, fmt.Errorf("it has version %d, and this aptfleet reads up to %d", w.Version, actionVersion)
	}
	return Action{At: w.At, By: w.By, Did: w.Did, What: w.What, Error: w.Error}, nil
}
