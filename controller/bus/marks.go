package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// Mark is how far a stream is known to have come. It is kept apart from the stream, so
// that an end that the disk has lost is noticed, which leaves no trace in the stream
// itself.
type Mark struct {
	Reached uint64 // a sequence that was acknowledged; the last ones may be later than it
	Lost    uint64 // messages at the end of the stream that were found missing, ever
}

// markVersion is raised as wireVersion of rollout's events is.
const markVersion = 1

// wireMark is a Mark as it is stored.
type wireMark struct {
	Version int    `json:"v"`
	Reached uint64 `json:"r"`
	Lost    uint64 `json:"l,omitempty"`
}

// Mark returns the mark of a stream; that of one which was never marked is zero.
func (b *Bus) Mark(ctx context.Context, stream string) (Mark, error) {
	m, _, err := b.readMark(ctx, stream)
	return m, err
}

// readMark returns a mark and its sequence.
func (b *Bus) readMark(ctx context.Context, stream string) (Mark, uint64, error) {
	stored, err := b.Last(ctx, BucketStream(Marks), KeySubject(Marks, stream))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Mark{}, 0, nil
	}
	var w wireMark
	if err == nil {
		err = json.Unmarshal(stored.Data, &w)
	}
	if err == nil && w.Version > markVersion {
		err = fmt.Errorf("it has version %d, and this aptfleet reads up to %d", w.Version, markVersion)
	}
	if err != nil {
		return Mark{}, 0, fmt.Errorf("cannot read the mark of stream %s: %w", stream, err)
	}
	return Mark{Reached: w.Reached, Lost: w.Lost}, stored.Sequence, nil
}

// changeMark stores what change makes of a mark, unless that is what it was.
func (b *Bus) changeMark(ctx context.Context, stream string, change func(Mark) (Mark, error)) error {
	for {
		was, sequence, err := b.readMark(ctx, stream)
		if err != nil {
			return err
		}
		is, err := change(was)
		if err != nil || is == was {
			return err
		}
		data, err := json.Marshal(wireMark{markVersion, is.Reached, is.Lost})
		if err != nil {
			return err
		}
		m := NewMessage(KeySubject(Marks, stream), nuid.Next(), data)
		Expect(m, m.Subject, sequence)
		if _, err = b.PublishAll(ctx, m); !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

// reckon adds to a stream's mark what the stream has no more of what it had when it was
// marked. It is for before anything is added to it, which would hide that.
func (b *Bus) reckon(ctx context.Context, stream string) error {
	err := b.changeMark(ctx, stream, func(m Mark) (Mark, error) {
		last, err := b.lastFrom(ctx, stream, m.Reached)
		if err != nil || last >= m.Reached {
			return m, err
		}
		return Mark{Reached: last, Lost: m.Lost + m.Reached - last}, nil
	})
	if err != nil {
		return fmt.Errorf("cannot see whether stream %s has its end: %w", stream, err)
	}
	return nil
}

// lastFrom returns the last sequence of a stream. Where it is less than expected, a
// node of a cluster may only be behind, and is asked for longer; what was answered last
// counts then, also where the last time to ask was too short for an answer.
func (b *Bus) lastFrom(ctx context.Context, stream string, expected uint64) (last uint64, err error) {
	answered := false
	err = b.Ask(ctx, func(ctx context.Context) error {
		info, err := b.Stream(stream).Info(ctx)
		if err != nil {
			return err
		}
		answered = true
		if last = info.State.LastSeq; last < expected {
			return ErrBehind
		}
		return nil
	})
	if answered && unanswered(err) && ctx.Err() == nil {
		err = nil
	}
	return last, err
}
