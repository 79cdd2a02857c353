package bus

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Beat is how often a server that delivers messages says that it still is there.
// One that is not heard for twice as long is given up.
const Beat = 2 * time.Second

// quietFor is after how long without a message a server of a cluster is asked whether
// it thinks that it has delivered more than came here. It is more than the silence
// after which a server is given up: that is counted anew each time.
const quietFor = 3 * Beat

// placeLife is how long a server keeps the place of a follower that has gone.
const placeLife = time.Minute

// follower reads what a stream has of a subject, and then what is added to it. In a
// cluster one of the nodes delivers; if that dies, another one goes on. It is for
// one goroutine.
type follower struct {
	bus             *Bus
	stream, subject string

	messages  jetstream.MessagesContext // nil until a server delivers
	place     jetstream.Consumer        // ours at the server that delivers
	next      uint64                    // sequence in the stream from which on is read
	delivered uint64                    // messages by the server that delivers now
}

// Follow yields what a stream or bucket has of a subject, from a sequence on, and
// then what is added to it, until ctx ends or an error is yielded.
func (b *Bus) Follow(ctx context.Context, stream, subject string, from uint64) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		f := &follower{bus: b, stream: stream, subject: subject, next: max(from, 1)}
		defer f.stop()
		for {
			s, err := f.read(ctx)
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// read returns the next message.
func (f *follower) read(ctx context.Context) (Stored, error) {
	for {
		if err := f.start(ctx); err != nil {
			return Stored{}, err
		}
		m, err := f.await(ctx)
		if ctx.Err() != nil {
			return Stored{}, ctx.Err()
		}
		if err != nil { // whoever delivered does so no more
			f.stop()
			continue
		}
		meta, err := m.Metadata()
		if err != nil {
			return Stored{}, err
		}
		if f.delivered++; meta.Sequence.Consumer != f.delivered { // some were lost on the way
			f.stop()
			continue
		}
		f.next = meta.Sequence.Stream + 1
		return Stored{Header: m.Headers(), Data: m.Data(), Subject: m.Subject(), Sequence: meta.Sequence.Stream, after: meta.NumPending}, nil
	}
}

// errLost is that a server has delivered what did not come here.
var errLost = errors.New("messages were lost on the way")

// await waits for the next message. What a node of a cluster sends while another one
// comes or goes may get lost, as the nodes learn only then who listens where; the
// server takes it for delivered, and nothing more would come to tell of it.
func (f *follower) await(ctx context.Context) (jetstream.Msg, error) {
	if f.bus.Embedded() {
		return f.messages.Next(jetstream.NextContext(ctx))
	}
	for {
		m, err := f.awaitFor(ctx, quietFor)
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return m, err
		}
		if f.lost(ctx) {
			return nil, errLost
		}
	}
}

func (f *follower) awaitFor(ctx context.Context, d time.Duration) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return f.messages.Next(jetstream.NextContext(ctx))
}

// lost reports whether the server has delivered, or should have, what did not come
// here. One that does not answer is not heard either, and will be given up for that.
func (f *follower) lost(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	info, err := f.place.Info(ctx)
	return err == nil && (info.Delivered.Consumer != f.delivered || info.NumPending > 0)
}

// start has a server deliver, if none does.
func (f *follower) start(ctx context.Context) error {
	if f.messages != nil {
		return nil
	}
	err := f.bus.Ask(ctx, func(ctx context.Context) (err error) {
		f.place, err = f.bus.Stream(f.stream).CreateConsumer(ctx, jetstream.ConsumerConfig{
			FilterSubject:     f.subject,
			DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
			OptStartSeq:       f.next,
			AckPolicy:         jetstream.AckNonePolicy,
			InactiveThreshold: placeLife,
			Replicas:          1, // it is made anew where it is lost
			MemoryStorage:     true,
		})
		return err
	})
	if err != nil {
		return err
	}
	f.delivered = 0
	f.messages, err = f.place.Messages(jetstream.PullHeartbeat(Beat))
	return err
}

// stop gives the follower's place back. Nobody waits for that: a server that does
// not hear of it forgets the place after its life.
func (f *follower) stop() {
	if f.messages == nil {
		return
	}
	f.messages.Stop()
	f.messages = nil
	_ = f.bus.conn.Publish("$JS.API.CONSUMER.DELETE."+f.stream+"."+f.place.CachedInfo().Name, nil)
}
