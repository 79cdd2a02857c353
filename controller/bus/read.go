package bus

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Stored is a message as it lies in a stream.
type Stored struct {
	Header   nats.Header
	Data     []byte
	Subject  string
	Sequence uint64
	after    uint64 // messages that follow it
}

// ErrMissing is that messages of a subject are there and cannot be read.
var ErrMissing = errors.New("there are more events, and they cannot be read")

// A reader waits so long for a message that must be there. In a cluster a node that
// has to deliver it may have died, and another one is asked then.
const (
	stalled          = 5 * time.Second
	stalledInCluster = time.Minute
)

// Present yields what a stream or bucket has of a subject by now. Messages that
// the server counts and cannot deliver end it with ErrMissing.
func (b *Bus) Present(ctx context.Context, stream, subject string) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		missing, err := b.count(ctx, stream, subject)
		if err != nil {
			yield(Stored{}, err)
		}
		if missing == 0 {
			return
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		patience, alone := stalledInCluster, b.Embedded()
		if alone {
			patience = stalled
		}
		watchdog := time.AfterFunc(patience, func() { cancel(ErrMissing) })
		defer watchdog.Stop()
		for s, err := range b.Follow(ctx, stream, subject, 1) {
			watchdog.Reset(patience)
			missing--
			if err != nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if !yield(s, err) || err != nil || missing == 0 {
				return
			}
			if s.after == 0 && alone { // a node of a cluster may be behind
				yield(Stored{}, ErrMissing)
				return
			}
		}
	}
}

// count returns how many messages a stream has of a subject.
func (b *Bus) count(ctx context.Context, stream, subject string) (uint64, error) {
	info, err := b.Info(ctx, stream, subject)
	if err != nil {
		return 0, err
	}
	var n uint64
	for _, messages := range info.State.Subjects {
		n += messages
	}
	return n, nil
}

// Info returns how a stream is, with the subjects that a filter has of it.
func (b *Bus) Info(ctx context.Context, stream, subject string) (info *jetstream.StreamInfo, err error) {
	err = b.Ask(ctx, func(ctx context.Context) error {
		info, err = b.Stream(stream).Info(ctx, jetstream.WithSubjectFilter(subject))
		return err
	})
	return info, err
}

// First and Last return the oldest and the newest message of a subject; if there
// is none the error satisfies errors.Is(err, jetstream.ErrMsgNotFound).
func (b *Bus) First(ctx context.Context, stream, subject string) (Stored, error) {
	return b.get(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return b.Stream(stream).GetMsg(ctx, 1, jetstream.WithGetMsgSubject(subject))
	})
}

// Last is First from the other end.
func (b *Bus) Last(ctx context.Context, stream, subject string) (Stored, error) {
	return b.get(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return b.Stream(stream).GetLastMsgForSubject(ctx, subject)
	})
}

func (b *Bus) get(ctx context.Context, get func(context.Context) (*jetstream.RawStreamMsg, error)) (Stored, error) {
	var m *jetstream.RawStreamMsg
	err := b.Ask(ctx, func(ctx context.Context) (err error) { m, err = get(ctx); return err })
	if err != nil {
		return Stored{}, err
	}
	return Stored{Header: m.Header, Data: m.Data, Subject: m.Subject, Sequence: m.Sequence}, nil
}
