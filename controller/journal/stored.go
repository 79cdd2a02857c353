package journal

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// stored is a message as it lies in the journal.
type stored struct {
	header nats.Header
	data   []byte
	seq    uint64
	after  uint64 // messages that follow it
}

func (s stored) id() string { return idOf(s.header) }

func idOf(h nats.Header) string { return h.Get(jetstream.MsgIDHeader) }

// stalled is how long a reader waits for a message that must be there.
const stalled = 5 * time.Second

var errMissing = errors.New("there are more events, and they cannot be read")

// present yields what a stream has of a subject by now. Messages that the
// server counts and cannot deliver end it with errMissing.
func (j *Journal) present(ctx context.Context, stream, subject string) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		missing, err := j.count(ctx, stream, subject)
		if err != nil {
			yield(stored{}, err)
		}
		if missing == 0 {
			return
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		watchdog := time.AfterFunc(stalled, func() { cancel(errMissing) })
		defer watchdog.Stop()
		for s, err := range j.subscribe(ctx, stream, subject) {
			watchdog.Reset(stalled)
			missing--
			if err != nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if !yield(s, err) || err != nil || missing == 0 {
				return
			}
			if s.after == 0 {
				yield(stored{}, errMissing)
				return
			}
		}
	}
}

// count returns how many messages a stream has of a subject.
func (j *Journal) count(ctx context.Context, stream, subject string) (uint64, error) {
	s, err := j.bus.JetStream().Stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0, err
	}
	var n uint64
	for _, messages := range info.State.Subjects {
		n += messages
	}
	return n, nil
}

// subscribe yields what a stream has of a subject, and then what is added to
// it, until ctx is cancelled.
func (j *Journal) subscribe(ctx context.Context, stream, subject string) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		consumer, err := j.bus.JetStream().OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}})
		if err != nil {
			yield(stored{}, err)
			return
		}
		messages, err := consumer.Messages()
		if err != nil {
			yield(stored{}, err)
			return
		}
		defer messages.Stop()
		for {
			s, err := nextMessage(ctx, messages)
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

func nextMessage(ctx context.Context, messages jetstream.MessagesContext) (stored, error) {
	m, err := messages.Next(jetstream.NextContext(ctx))
	if err != nil {
		return stored{}, err
	}
	meta, err := m.Metadata()
	if err != nil {
		return stored{}, err
	}
	return stored{header: m.Headers(), data: m.Data(), seq: meta.Sequence.Stream, after: meta.NumPending}, nil
}

// last returns the newest message of a subject.
func (j *Journal) last(ctx context.Context, stream, subject string) (stored, error) {
	s, err := j.bus.JetStream().Stream(ctx, stream)
	if err != nil {
		return stored{}, err
	}
	m, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return stored{}, ErrNotFound
	}
	if err != nil {
		return stored{}, err
	}
	return stored{header: m.Header, data: m.Data, seq: m.Sequence}, nil
}
