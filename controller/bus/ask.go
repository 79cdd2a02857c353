package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aptfleet/aptfleet/pkg/pause"
)

// Of a cluster, the node that was asked may be gone, or the one that leads a
// stream: then nobody answers, and another one leads in up to nine seconds.
const (
	// answerIn is how long the first answer is waited for; the next ones half as
	// long again each, for a cluster may also be slow.
	answerIn = 2 * time.Second
	// askAgain is after how long what nobody could answer is asked again.
	askAgain = 250 * time.Millisecond
)

// ErrBehind is what a question returns that was answered by a node of a cluster which
// does not have yet what must be there.
var ErrBehind = errors.New("the node that answered is behind")

// Ask calls question until the bus has answered it, with a context that ends when
// the answer is too long in coming. It may be asked several times, and so must
// change nothing, or the same whenever it is asked again. A bus in this process is
// asked once.
func (b *Bus) Ask(ctx context.Context, question func(context.Context) error) error {
	if b.Embedded() {
		return question(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for patience := answerIn; ; patience += patience / 2 {
		err := within(ctx, patience, question)
		if !unanswered(err) || pause.For(ctx, askAgain) != nil {
			return err
		}
	}
}

func within(ctx context.Context, d time.Duration, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return question(ctx)
}

// unanswered reports whether an error of a cluster says that nobody could answer
// now.
func unanswered(err error) bool {
	const unavailable = 503
	if refused, is := errors.AsType[*jetstream.APIError](err); is && refused.Code == unavailable {
		return true
	}
	for _, passes := range []error{
		ErrBehind, errNoAck, context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, jetstream.ErrNoStreamResponse, jetstream.ErrJetStreamNotEnabled,
	} {
		if errors.Is(err, passes) {
			return true
		}
	}
	return false
}
