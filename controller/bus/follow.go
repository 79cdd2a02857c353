package bus

import (
	"context"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Beat is how often a server that delivers messages says that it still is there.
// One that is not heard for twice as long is given up.
const Beat = 2 * time.Second

// placeLife is how long a server keeps the place of a follower that has gone.
const placeLife = time.Minute

// follower reads what a stream has of a subject, and then what is added to it. In a
// cluster one of the nodes delivers; if that dies, another one goes on. It is for
// one goroutine.
type follower struct {
	bus             *Bus
	stream, subject string

	messages  jetstream.MessagesContext // nil until a server delivers
	place     string                    // its name at the server that delivers
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
		m, err := f.messages.Next(jetstream.NextContext(ctx))
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

// start has a server deliver, if none does.
func (f *follower) start(ctx context.Context) error {
	if f.messages != nil {
		return nil
	}
	var consumer jetstream.Consumer
	err := f.bus.Ask(ctx, func(ctx context.Context) (err error) {
		consumer, err = f.bus.Stream(f.stream).CreateConsumer(ctx, jetstream.ConsumerConfig{
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
	f.delivered, f.place = 0, consumer.CachedInfo().Name
	f.messages, err = consumer.Messages(jetstream.PullHeartbeat(Beat))
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
	_ = f.bus.conn.Publish("$JS.API.CONSUMER.DELETE."+f.stream+"."+f.place, nil)
}
