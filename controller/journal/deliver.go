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

// Delivery is a decision in a rollout, or an action, that has to be told to somebody
// outside. It comes again, also in another process, until it is settled.
type Delivery struct {
	ID       rollout.ID
	Event    rollout.Event
	Action   *Action // instead of ID and Event; nil for a decision
	Sequence uint64  // of the event or action in the journal
	Tries    int     // this one included
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
	return j.deliver(ctx, source{name, bus.Journal, decisions("*")}, j.newDelivery, receive)
}

// ActionDeliveries is Deliveries for actions.
func (j *Journal) ActionDeliveries(ctx context.Context, name string, receive func(Delivery)) error {
	return j.deliver(ctx, source{name, bus.Audit, actions}, j.newActionDelivery, receive)
}

// source is what is delivered to a name.
type source struct{ name, stream, subject string }

// deliver calls receive for what comes of a source, whichever server delivers it.
func (j *Journal) deliver(ctx context.Context, from source, read func(jetstream.Msg) (Delivery, error), receive func(Delivery)) error {
	for {
		err := j.deliverTo(ctx, from, read, receive)
		if ctx.Err() != nil {
			return nil
		}
		if j.bus.Embedded() || !errors.Is(err, errMoved) {
			return fmt.Errorf("cannot follow the journal for %s: %w", from.name, err)
		}
	}
}

// errMoved is that a node delivers no more: in a cluster another one does then.
var errMoved = errors.New("the server delivers no more")

// deliverTo calls receive as long as one server delivers.
func (j *Journal) deliverTo(ctx context.Context, from source, read func(jetstream.Msg) (Delivery, error), receive func(Delivery)) error {
	messages, err := j.deliveries(ctx, from)
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("%w: %w", errMoved, err)
		}
		d, err := read(m)
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

func (j *Journal) deliveries(ctx context.Context, from source) (messages jetstream.MessagesContext, err error) {
	var consumer jetstream.Consumer
	err = j.bus.Ask(ctx, func(ctx context.Context) error {
		consumer, err = j.bus.Stream(from.stream).CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
			Durable:           from.name,
			FilterSubject:     from.subject,
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

func (j *Journal) newActionDelivery(m jetstream.Msg) (Delivery, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Delivery{}, err
	}
	action, err := decodeAction(m.Data())
	return Delivery{Action: &action, Sequence: meta.Sequence.Stream, Tries: int(meta.NumDelivered), msg: m, bus: j.bus}, err
}
