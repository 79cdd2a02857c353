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

// A reader waits so long for a message that must be there. In a cluster the node
// that has to deliver it may have died, and another one is asked then.
const (
	stalled          = 5 * time.Second
	stalledInCluster = 30 * time.Second
)

// A cluster may give a reader to a node that has just died: whoever gets no answer
// asks again.
const (
	readerIn    = 4 * time.Second
	readerTries = 5
)

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
		patience, alone := stalledInCluster, j.bus.Embedded()
		if alone {
			patience = stalled
		}
		watchdog := time.AfterFunc(patience, func() { cancel(errMissing) })
		defer watchdog.Stop()
		for s, err := range j.subscribe(ctx, stream, subject) {
			watchdog.Reset(patience)
			missing--
			if err != nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if !yield(s, err) || err != nil || missing == 0 {
				return
			}
			if s.after == 0 && alone { // a node of a cluster may be behind
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
		messages, err := j.reader(ctx, stream, subject)
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

// reader has the server deliver what a stream has of a subject.
func (j *Journal) reader(ctx context.Context, stream, subject string) (messages jetstream.MessagesContext, err error) {
	if j.bus.Embedded() {
		return j.askReader(ctx, stream, subject)
	}
	for range readerTries {
		asked, cancel := context.WithTimeout(ctx, readerIn)
		messages, err = j.askReader(asked, stream, subject)
		cancel()
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return messages, err
}

func (j *Journal) askReader(ctx context.Context, stream, subject string) (jetstream.MessagesContext, error) {
	consumer, err := j.bus.JetStream().OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}})
	if err != nil {
		return nil, err
	}
	return consumer.Messages()
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
