package journal

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// summarySubject is where the summary of a rollout is. Both numbers are in the subject,
// so that all summaries can be counted and the journal's losses told without reading
// one: the decision that it goes up to, by its sequence, and the events of hosts whose
// place it takes.
func summarySubject(id rollout.ID, through, replaced string) string {
	return "j.sum." + string(id) + "." + through + "." + replaced
}

// summaryPart is the largest piece of a summary in one message, in bytes.
const summaryPart = 1 << 20

// Summarise puts a summary in the place of the events of hosts of each rollout that
// finished before a time, and returns of how many. Its decisions stay. A rollout is
// summarised once: what happens in it later stays too. Those that cannot be read
// are left as they are, and are the error.
//
// It may be called by several controllers at once, and after one that died in it: the
// summary is durable before an event is purged.
func (j *Journal) Summarise(ctx context.Context, before time.Time) (n int, err error) {
	subjects, err := j.subjects(ctx)
	if err != nil {
		return 0, fmt.Errorf("cannot look for rollouts to summarise: %w", err)
	}
	var errs []error
	for _, id := range subjects.withHostEvents {
		through, err := subjects.through[id], error(nil)
		if through == 0 {
			if through, err = j.summarise(ctx, id, before); through > 0 {
				n++
			}
		}
		if through > 0 {
			err = j.bus.Purge(ctx, bus.Journal, hostEvents(id), through)
		}
		if ctx.Err() != nil {
			return n, context.Cause(ctx)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot summarise %s: %w", id, err))
		}
	}
	return n, errors.Join(errs...)
}

// summarise stores the summary of a rollout and returns the sequence that it goes up to;
// 0 is that the rollout is left as it is.
func (j *Journal) summarise(ctx context.Context, id rollout.ID, before time.Time) (through uint64, err error) {
	e := Entry{ID: id}
	if err := j.fill(ctx, &e); err != nil || e.Last.Kind != rollout.KindFinished || !e.Last.At.Before(before) {
		return 0, err
	}
	h, err := j.replay(ctx, id)
	if err != nil || h.state.Phase != rollout.Finished || !h.state.Finished.Before(before) {
		return 0, err
	}
	messages, err := h.summary(id)
	if err != nil {
		return 0, err
	}
	bus.Expect(messages[0], messages[0].Subject, 0)
	seq, err := j.bus.PublishAll(ctx, messages...)
	if errors.Is(err, bus.ErrConflict) {
		return h.decision, nil // another controller was first
	}
	if err != nil {
		return 0, err
	}
	j.bus.Reached(seq)
	return h.decision, nil
}

// summary returns the messages that store what the events up to now amount to.
func (h *history) summary(id rollout.ID) ([]*nats.Msg, error) {
	data, err := h.state.Encode()
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	subject := summarySubject(id, strconv.FormatUint(h.decision, 10), strconv.Itoa(h.state.Results))
	var messages []*nats.Msg
	for part := range slices.Chunk(packed.Bytes(), summaryPart) {
		messages = append(messages, bus.NewMessage(subject, nuid.Next(), part))
	}
	return messages, nil
}

// summarised returns the history that the summary of a rollout tells; it is empty where
// there is none.
func (j *Journal) summarised(ctx context.Context, id rollout.ID) (h history, err error) {
	var packed []byte
	for s, err := range j.bus.Present(ctx, bus.Journal, summarySubject(id, "*", "*")) {
		if err != nil {
			return h, err
		}
		if _, h.through, _, err = parseSummary(s.Subject); err != nil {
			return h, err
		}
		packed = append(packed, s.Data...)
	}
	if h.through == 0 {
		return h, nil
	}
	state, err := unpack(packed)
	if err != nil {
		return h, &GapError{ID: id, Sequence: h.through, Reason: "what its events were summarised as cannot be read: " + err.Error()}
	}
	h.state, h.decision = *state, h.through
	return h, nil
}

func unpack(packed []byte) (*rollout.State, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(z) // its sum is checked at the end
	if err != nil {
		return nil, err
	}
	return rollout.DecodeState(data)
}

// parseSummary reads the subject of a summary.
func parseSummary(subject string) (id rollout.ID, through, replaced uint64, err error) {
	words := strings.Split(subject, ".")
	if len(words) == 5 {
		id, err = rollout.ParseID(words[2])
		var errThrough, errReplaced error
		through, errThrough = strconv.ParseUint(words[3], 10, 64)
		replaced, errReplaced = strconv.ParseUint(words[4], 10, 64)
		err = errors.Join(err, errThrough, errReplaced)
	}
	if len(words) != 5 || err != nil {
		return "", 0, 0, fmt.Errorf("cannot read subject %s: %w", subject, err)
	}
	return id, through, replaced, nil
}

// subjects is what there is of rollouts.
type subjects struct {
	withHostEvents []rollout.ID          // the oldest first
	through        map[rollout.ID]uint64 // of those that have a summary
}

func (j *Journal) subjects(ctx context.Context) (subjects, error) {
	all := subjects{through: map[rollout.ID]uint64{}}
	summaries, err := j.bus.Info(ctx, bus.Journal, summarySubject("*", "*", "*"))
	if err != nil {
		return all, err
	}
	for subject := range summaries.State.Subjects {
		id, through, _, err := parseSummary(subject)
		if err != nil {
			return all, err
		}
		all.through[id] = through
	}
	events, err := j.bus.Info(ctx, bus.Journal, hostEvents("*"))
	if err != nil {
		return all, err
	}
	for subject := range events.State.Subjects {
		id, err := rollout.ParseID(strings.Split(subject, ".")[1])
		if err != nil {
			return all, fmt.Errorf("cannot read subject %s: %w", subject, err)
		}
		all.withHostEvents = append(all.withHostEvents, id)
	}
	slices.SortFunc(all.withHostEvents, func(a, b rollout.ID) int { return a.Number() - b.Number() })
	return all, nil
}
