package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Writer appends to one rollout. It may be used concurrently: events that wait
// for the disk at the same time are written together.
//
// The first event that cannot be written ends the Writer, and every later
// Append returns the same error. To go on, Take the rollout.
type Writer struct {
	journal *Journal
	id      rollout.ID
	nonce   string // tells its messages from those of every other writer

	queueing sync.Mutex
	queue    []*pending

	flushing sync.Mutex // guards the fields below, and is held while the disk is waited for
	history  history
	written  int
	failed   error
}

// pending is an event that somebody waits for.
type pending struct {
	event   rollout.Event
	settled bool
	err     error
}

func newWriter(j *Journal, id rollout.ID, h history) *Writer {
	return &Writer{journal: j, id: id, nonce: nuid.Next(), history: h}
}

// ID returns the rollout's id.
func (w *Writer) ID() rollout.ID { return w.id }

// Summary counts the hosts as they stand in the journal.
func (w *Writer) Summary() rollout.Summary {
	w.flushing.Lock()
	defer w.flushing.Unlock()
	return w.history.state.Summary()
}

// Finish appends that the rollout is over, and returns how it ended.
func (w *Writer) Finish(ctx context.Context) (rollout.Summary, error) {
	sum := w.Summary()
	return sum, w.Append(ctx, rollout.Event{Kind: rollout.KindFinished, Summary: &sum})
}

// Append writes an event and returns once it is durable. Time, term and chain
// are filled in here, and the author where the event does not say who asked for it. An event that is impossible now is refused, and the
// Writer goes on; errors of the store are final, and if the rollout was taken
// over they are a *FencedError.
//
// ctx is asked before and not while the event is written: it would be unknown
// then whether it was.
func (w *Writer) Append(ctx context.Context, e rollout.Event) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("cannot append %q to %s: %w", e, w.id, context.Cause(ctx))
	}
	p := &pending{event: e}
	w.queueing.Lock()
	w.queue = append(w.queue, p)
	w.queueing.Unlock()

	w.flushing.Lock()
	defer w.flushing.Unlock()
	for !p.settled { // a neighbour may have taken it along while we waited
		w.flush(context.WithoutCancel(ctx))
	}
	if p.err != nil {
		return fmt.Errorf("cannot append %q to %s: %w", e, w.id, p.err)
	}
	return nil
}

// flush settles what can be written together of the queue's front.
func (w *Writer) flush(ctx context.Context) {
	batch := w.next()
	messages := make([]*nats.Msg, 0, len(batch))
	for _, p := range batch {
		p.settled = true
		if p.err = w.failed; p.err != nil {
			continue
		}
		var m *nats.Msg
		if m, p.err = w.admit(&p.event); p.err == nil {
			messages = append(messages, m)
		}
	}
	if len(messages) == 0 {
		return
	}
	if w.failed = w.publish(ctx, messages); w.failed == nil {
		return
	}
	for _, p := range batch {
		if p.err == nil {
			p.err = w.failed
		}
	}
}

// next takes from the queue one decision, or the host events up to the next
// decision: those may be stamped only when the decision has its sequence.
func (w *Writer) next() []*pending {
	w.queueing.Lock()
	defer w.queueing.Unlock()
	n := 1
	if !w.queue[0].event.Kind.Decision() {
		for n < min(len(w.queue), bus.MaxBatch) && !w.queue[n].event.Kind.Decision() {
			n++
		}
	}
	batch := w.queue[:n:n]
	w.queue = w.queue[n:]
	return batch
}

// admit stamps and folds an event and returns the message that stores it.
func (w *Writer) admit(e *rollout.Event) (*nats.Msg, error) {
	e.At, e.By = w.journal.now().UTC(), cmp.Or(e.By, w.journal.by)
	e.Prev, e.Results = w.history.decision, w.history.state.Results
	e.Term = w.history.state.Term
	if e.Kind == rollout.KindTaken || e.Kind == rollout.KindCreated {
		e.Term++
	}
	data, err := e.Encode()
	if err != nil {
		return nil, err
	}
	if err := w.history.state.Apply(*e); err != nil {
		return nil, err
	}
	subject := hostEvents(w.id)
	if e.Kind.Decision() {
		subject = decisions(w.id)
	}
	w.written++
	return bus.NewMessage(subject, fmt.Sprintf("%s/%d", w.nonce, w.written), data), nil
}

// publish stores messages of one subject, if nobody has decided anything since
// the last decision that this writer knows.
func (w *Writer) publish(ctx context.Context, messages []*nats.Msg) error {
	bus.Expect(messages[0], decisions(w.id), w.history.decision)
	last := messages[len(messages)-1]
	seq, err := w.journal.bus.PublishAll(ctx, messages...)
	if err != nil {
		if seq, err = w.settle(ctx, last, err); err != nil {
			return err
		}
	}
	w.journal.bus.Reached(seq)
	if last.Subject == decisions(w.id) {
		w.history.decision = seq
	}
	return nil
}

// settleTimeout bounds the reads of settle: the store may be the one that fails.
const settleTimeout = 10 * time.Second

// settle finds out what became of messages for which there was no good
// acknowledgement. A conflict may mean that they were stored and that only the
// acknowledgement was lost.
func (w *Writer) settle(ctx context.Context, last *nats.Msg, cause error) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	stored, err := w.journal.bus.Last(ctx, bus.Journal, last.Subject)
	if err == nil && idOf(stored.Header) == idOf(last.Header) {
		return stored.Sequence, nil
	}
	if !errors.Is(cause, bus.ErrConflict) {
		return 0, cause
	}
	return 0, w.fenced(ctx, cause)
}

func idOf(h nats.Header) string { return h.Get(jetstream.MsgIDHeader) }

// fenced names who made the decision that this writer does not know.
func (w *Writer) fenced(ctx context.Context, cause error) error {
	decision, err := w.journal.bus.Last(ctx, bus.Journal, decisions(w.id))
	if err != nil {
		return fmt.Errorf("%w, and cannot see who: %w", cause, err)
	}
	e, err := rollout.DecodeEvent(decision.Data)
	if err != nil {
		return fmt.Errorf("%w, and cannot see who: %w", cause, err)
	}
	return &FencedError{ID: w.id, By: e.By, At: e.At}
}
