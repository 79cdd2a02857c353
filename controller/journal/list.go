package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Entry is a rollout in a list: what was asked for and the last decision.
type Entry struct {
	ID      rollout.ID
	Created rollout.Event
	Last    rollout.Event // the same as Created until there is another
	Err     error         // these two cannot be read; the other rollouts can
}

// Finished returns how the rollout ended, if it has.
func (e Entry) Finished() (rollout.Summary, bool) {
	if e.Last.Kind != rollout.KindFinished || e.Last.Summary == nil {
		return rollout.Summary{}, false
	}
	return *e.Last.Summary, true
}

// List returns all rollouts, newest first. It reads two events of each.
func (j *Journal) List(ctx context.Context) ([]Entry, error) {
	ids, err := j.ids(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot list rollouts: %w", err)
	}
	entries := make([]Entry, len(ids))
	for i, id := range ids {
		entries[i].ID = id
		if err := j.fill(ctx, &entries[i]); err != nil {
			entries[i].Err = fmt.Errorf("cannot read %s: %w", id, err)
		}
	}
	return entries, context.Cause(ctx)
}

// Find returns one rollout as List does.
func (j *Journal) Find(ctx context.Context, id rollout.ID) (Entry, error) {
	e := Entry{ID: id}
	if err := j.fill(ctx, &e); err != nil {
		return e, fmt.Errorf("cannot read %s: %w", id, err)
	}
	return e, nil
}

func (j *Journal) fill(ctx context.Context, e *Entry) error {
	first, err := j.bus.First(ctx, bus.Journal, decisions(e.ID))
	if err != nil {
		return found(err)
	}
	last, err := j.bus.Last(ctx, bus.Journal, decisions(e.ID))
	if err != nil {
		return found(err)
	}
	if e.Created, err = rollout.DecodeEvent(first.Data); err != nil {
		return err
	}
	if e.Created.Kind != rollout.KindCreated { // the server passes over damage
		return &GapError{ID: e.ID, Sequence: first.Sequence, Reason: "the event that created it is missing"}
	}
	e.Last, err = rollout.DecodeEvent(last.Data)
	return err
}

// found says in our words that there is no such rollout.
func found(err error) error {
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return ErrNotFound
	}
	return err
}

// ids returns the ids of all rollouts, newest first.
func (j *Journal) ids(ctx context.Context) ([]rollout.ID, error) {
	counts, err := j.decided(ctx)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Keys(counts), func(a, b rollout.ID) int { return b.Number() - a.Number() }), nil
}

// decided returns all rollouts, with how many decisions were made of each.
func (j *Journal) decided(ctx context.Context) (map[rollout.ID]uint64, error) {
	info, err := j.bus.Info(ctx, bus.Journal, decisions("*"))
	if err != nil {
		return nil, err
	}
	counts := make(map[rollout.ID]uint64, len(info.State.Subjects))
	for subject, n := range info.State.Subjects {
		id, err := rollout.ParseID(strings.Split(subject, ".")[1])
		if err != nil {
			return nil, fmt.Errorf("cannot read subject %s: %w", subject, err)
		}
		counts[id] = n
	}
	return counts, nil
}

// Appended returns how many events were ever appended, of all rollouts.
func (j *Journal) Appended(ctx context.Context) (uint64, error) {
	_, appended, err := j.Lost(ctx)
	return appended, err
}

// Lost returns how many of the events that were appended the store has no more and no
// summary has taken the place of, so that a file of it was damaged. What was cut off at
// the end is known as far as the journal's mark went, which is all that was appended until
// a second or so before whoever had the journal was killed. Until a purge that was cut
// short is ended, as many losses as it has left events are not told.
func (j *Journal) Lost(ctx context.Context) (lost, appended uint64, err error) {
	info, err := j.bus.Info(ctx, bus.Journal, summarySubject("*", "*", "*"))
	var mark bus.Mark
	if err == nil {
		mark, err = j.bus.Mark(ctx, bus.Journal)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("cannot count events: %w", err)
	}
	appended = info.State.LastSeq + mark.Lost
	there := info.State.Msgs
	for subject := range info.State.Subjects {
		_, _, replaced, err := parseSummary(subject)
		if err != nil {
			return 0, 0, fmt.Errorf("cannot count events: %w", err)
		}
		there += replaced
	}
	return appended - min(there, appended), appended, nil
}
