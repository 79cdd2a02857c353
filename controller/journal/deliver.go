package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Delivery is a decision that has to be told to somebody outside. It comes again,
// also in another process, until it is settled.
type Delivery struct {
	ID       rollout.ID
	Event    rollout.Event
	Sequence uint64 // of the event in the journal
	Tries    int    // this one included
	msg      jetstream.Msg
	bus      *bus.Bus
}

// Settle says that the delivery is over, well or badly.
func (d Delivery) Settle(ctx context.Context) error {
	return d.bus.Ask(ctx, d.msg.DoubleAck)
}

// Again has the delivery come again after a time.
func (d Delivery) Again(after time.Duration) error {
	return d.msg.NakWithDelay(after)
}

const (
	// deliveryWait is how long one try may take before it is made again.
	deliveryWait = 5 * time.Minute
	// forgotten is after how long without a receiver its place is given up.
	forgotten = 30 * 24 * time.Hour
)

// Deliveries calls receive for each decision that is made in any rollout from
// the first call with a name on, and then again for what was not settled, until
// ctx is cancelled. Who receives under one name shares the deliveries, and a
// process that begins again goes on where the last one was. receive is called
// by one goroutine; while it takes its time, others are not held up.
func (j *Journal) Deliveries(ctx context.Context, name string, receive func(Delivery)) error {
	for {
		err := j.deliverTo(ctx, name, receive)
		if ctx.Err() != nil {
			return nil
		}
		if j.bus.Embedded() || !errors.Is(err, errMoved) {
			return fmt.Errorf("cannot follow the journal for %s: %w", name, err)
		}
	}
}

// errMoved is that a node delivers no more: in a cluster another one does then.
var errMoved = errors.New("the server delivers no more")

// deliverTo calls receive as long as one server delivers.
func (j *Journal) deliverTo(ctx context.Context, name string, receive func(Delivery)) error {
	messages, err := j.deliveries(ctx, name)
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("%w: %w", errMoved, err)
		}
		d, err := j.newDelivery(m)
		if err != nil { // whoever reads the rollout is told of the damage
			err = m.TermWithReason(err.Error())
		} else {
			receive(d)
		}
		if err != nil {
			return err
		}
	}
}

func (j *Journal) deliveries(ctx context.Context, name string) (messages jetstream.MessagesContext, err error) {
	var consumer jetstream.Consumer
	err = j.bus.Ask(ctx, func(ctx context.Context) error {
		consumer, err = j.bus.Stream(bus.Journal).CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
			Durable:           name,
			FilterSubject:     decisions("*"),
			DeliverPolicy:     jetstream.DeliverNewPolicy,
			AckPolicy:         jetstream.AckExplicitPolicy,
			AckWait:           deliveryWait,
			MaxAckPending:     64,
			InactiveThreshold: forgotten,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return consumer.Messages(jetstream.PullMaxMessages(1), jetstream.PullHeartbeat(bus.Beat)) // what is fetched and not yet handed on would time out
}

func (j *Journal) newDelivery(m jetstream.Msg) (Delivery, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Delivery{}, err
	}
	words := strings.Split(m.Subject(), ".")
	if len(words) != 3 {
		return Delivery{}, errors.New("a message of no rollout")
	}
	id, err := rollout.ParseID(words[1])
	if err != nil {
		return Delivery{}, err
	}
	event, err := rollout.DecodeEvent(m.Data())
	return Delivery{ID: id, Event: event, Sequence: meta.Sequence.Stream, Tries: int(meta.NumDelivered), msg: m, bus: j.bus}, err
}
