package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/aptfleet/aptfleet/pkg/pause"
)

// MaxBatch is the number of messages that PublishAll takes at most; it is the
// server's limit.
const MaxBatch = 1000

// Headers of an atomic batch, https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-50.md.
const (
	batchID       = "Nats-Batch-Id"
	batchSequence = "Nats-Batch-Sequence"
	batchCommit   = "Nats-Batch-Commit"
)

// ErrConflict is returned when a message expected another last sequence of a
// subject than there is: somebody else has written, or the message itself was
// stored before and its acknowledgement lost.
var ErrConflict = errors.New("somebody else has written")

// PublishAll stores messages in one stream, all of them or none, in their order
// and with one sync. It returns the sequence of the last once they are durable;
// one message that was stored before, by its id, is stored no second time, and
// its sequence is returned. Whether they were stored is not known after an
// error.
func (b *Bus) PublishAll(ctx context.Context, messages ...*nats.Msg) (uint64, error) {
	ctx, cancel := b.whileWorking(ctx)
	defer cancel()
	for {
		if err := b.broken(); err != nil { // what is decided for that is not to be found later
			return 0, err
		}
		seq, err := b.publish(ctx, messages)
		if err := b.broken(); err != nil {
			return 0, err
		}
		// What the cluster has stored already it does not store twice: it knows a
		// message by its id, and a batch expects that nothing was written before it.
		if b.Embedded() || !unanswered(err) || pause.For(ctx, askAgain) != nil {
			return seq, err
		}
	}
}

// broken returns that the store has failed, if it has.
func (b *Bus) broken() error {
	if failure := b.Failure(); failure != nil {
		return fmt.Errorf("the store has failed: %w", failure)
	}
	return nil
}

// errNoAck is that it is not known what became of messages.
var errNoAck = errors.New("no acknowledgement")

// ackIn is how long a cluster's acknowledgement is waited for: it comes once the
// disks of two nodes have what was sent.
const ackIn = 4 * time.Second

// publish sends messages once.
func (b *Bus) publish(ctx context.Context, messages []*nats.Msg) (uint64, error) {
	if len(messages) > 1 {
		if err := b.stage(messages); err != nil {
			return 0, err
		}
	}
	if !b.Embedded() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, ackIn)
		defer cancel()
	}
	reply, err := b.conn.RequestMsgWithContext(ctx, messages[len(messages)-1])
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errNoAck, err)
	}
	return readAck(reply.Data)
}

// stage sends all messages but the last, and marks that as the one that commits
// them all.
func (b *Bus) stage(messages []*nats.Msg) error {
	id := nuid.Next()
	for i, m := range messages {
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		m.Header.Set(batchID, id)
		m.Header.Set(batchSequence, strconv.Itoa(i+1))
	}
	last := len(messages) - 1
	messages[last].Header.Set(batchCommit, "1")
	for _, m := range messages[:last] {
		if err := b.conn.PublishMsg(m); err != nil {
			return fmt.Errorf("cannot send: %w", err)
		}
	}
	return nil
}

// Expect makes the server refuse m, with ErrConflict, unless seq is the last
// sequence of subject; 0 is that of a subject that was never written to.
func Expect(m *nats.Msg, subject string, seq uint64) {
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(seq, 10))
	m.Header.Set(jetstream.ExpectedLastSubjSeqSubjHeader, subject)
}

// NewMessage returns a message that the server stores once, however often one
// with this id is published within an hour.
func NewMessage(subject, id string, data []byte) *nats.Msg {
	return &nats.Msg{Subject: subject, Data: data, Header: nats.Header{jetstream.MsgIDHeader: {id}}}
}

func readAck(data []byte) (uint64, error) {
	var ack struct {
		jetstream.PubAck
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(data, &ack); err != nil {
		return 0, fmt.Errorf("cannot read acknowledgement: %w", err)
	}
	if ack.Error == nil {
		return ack.Sequence, nil
	}
	const wrongLastSequence, wrongLastSequenceInProcess = 10071, 10164
	if code := ack.Error.ErrorCode; code == wrongLastSequence || code == wrongLastSequenceInProcess {
		return 0, fmt.Errorf("%w: %s", ErrConflict, ack.Error.Description)
	}
	return 0, ack.Error
}

// whileWorking returns a context that ends with ctx, after requestTimeout, or
// as soon as the server says that its store fails: it then leaves requests
// without an answer.
func (b *Bus) whileWorking(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(b.log.working, func() { cancel(context.Cause(b.log.working)) })
	ctx, expire := context.WithTimeout(ctx, requestTimeout)
	return ctx, func() {
		stop()
		expire()
		cancel(nil)
	}
}
