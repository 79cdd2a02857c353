package tasks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

// Worker does tasks that controllers dispatch. Its fields are set before Run.
type Worker struct {
	Name  string        // tells people who does a host, such as "root@deploy (4711)"
	Slots int           // hosts at the same time, at first; Resize changes that
	Grace time.Duration // how long hosts may still take once it is asked to end
	Log   *slog.Logger  // nil is slog.Default

	// Work does a task. It is called by many goroutines, and again for a task that
	// another worker had before. The cause of its context is ErrClaimLost when the task
	// is no longer ours. An error that wraps ErrDeclined gives the task back.
	Work func(ctx context.Context, t Task, show func(hostjob.Progress)) (engine.Report, error)

	// Term returns the term of a rollout by now; 0 is that it is finished.
	Term func(ctx context.Context, id rollout.ID) (int, error)

	Ready func() // is called once tasks can come; may be nil

	bus *bus.Bus
	id  string // its name among the workers, which no other one has

	mu    sync.Mutex
	slots int            // that it has; 0 before it runs and once it leaves
	taken int            // of these, those that have a task, or wait for one
	busy  map[string]int // tasks at work, by dispatcher

	changed chan struct{} // room for one: there may be a slot free
}

// Causes with which the context of Work ends.
var (
	ErrClaimLost   = errors.New("the task is no longer ours")
	errOtherWorker = errors.New("another worker is at it")
	errShutdown    = errors.New("this worker ends")
)

// consumer is the durable consumer of the queue, which all workers share.
const consumer = "workers"

// Run does tasks until ctx ends, and then those that it has at hand, for as long
// as there is grace. What is not done by then goes on at its host, and another
// worker attaches.
func (w *Worker) Run(ctx context.Context, b *bus.Bus) error {
	if w.Log == nil {
		w.Log = slog.Default()
	}
	w.mu.Lock()
	w.bus, w.id, w.slots, w.busy, w.changed = b, w.Name+" "+nuid.Next(), w.Slots, map[string]int{}, make(chan struct{}, 1)
	w.mu.Unlock()
	queue, err := b.JetStream().CreateOrUpdateConsumer(ctx, bus.Tasks, jetstream.ConsumerConfig{
		Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, MaxAckPending: -1,
	})
	if err != nil {
		return fmt.Errorf("cannot take tasks: %w", err)
	}
	asked, err := b.Conn().Subscribe(bus.CapacityRequestSubject, func(*nats.Msg) { w.advertise() })
	if err != nil {
		return fmt.Errorf("cannot take tasks: %w", err)
	}
	defer func() { _ = asked.Unsubscribe() }() // fails where the connection has ended
	lasting, leave := context.WithCancelCause(context.WithoutCancel(ctx))
	defer leave(nil)
	var working sync.WaitGroup
	working.Go(func() { w.keepAdvertising(ctx) })
	if w.Ready != nil {
		w.Ready()
	}
	w.pull(ctx, queue, func(m jetstream.Msg) { w.handle(lasting, m) }, &working)
	late := time.AfterFunc(w.Grace, func() { leave(errShutdown) })
	defer late.Stop()
	working.Wait()
	return nil
}

// Resize has the worker do so many tasks at the same time from now on. What is at
// work is left to end. It may be called at any time.
func (w *Worker) Resize(slots int) {
	w.mu.Lock()
	w.Slots = slots
	running := w.slots > 0
	if running {
		w.slots = slots
	}
	w.mu.Unlock()
	if running {
		w.advertise()
		w.wake()
	}
}

// wake has pull look whether a slot is free.
func (w *Worker) wake() {
	select {
	case w.changed <- struct{}{}:
	default: // it will look anyway
	}
}

// keepAdvertising advertises the capacity until ctx ends.
func (w *Worker) keepAdvertising(ctx context.Context) {
	defer func() {
		w.mu.Lock()
		w.slots = 0
		w.mu.Unlock()
		w.advertise()
	}()
	for {
		w.advertise()
		if pause.For(ctx, capacityEvery) != nil {
			return
		}
	}
}

// occupy counts a slot as busy for a dispatcher until what it returns is called. The
// others are told at once: they must not wait for a slot that is not free.
func (w *Worker) occupy(dispatcher string) (done func()) {
	count := func(n int) {
		w.mu.Lock()
		if w.busy[dispatcher] += n; w.busy[dispatcher] == 0 {
			delete(w.busy, dispatcher)
		}
		w.mu.Unlock()
		w.advertise()
	}
	count(1)
	return func() { count(-1) }
}

// advertise tells all dispatchers the capacity, in the order in which it changes.
func (w *Worker) advertise() {
	w.mu.Lock()
	defer w.mu.Unlock()
	data, err := capacity{w.id, w.slots, w.busy}.encode()
	if err == nil {
		err = w.bus.Conn().Publish(bus.CapacitySubject, data)
	}
	if err != nil {
		w.Log.Warn("cannot advertise this worker", "error", err)
	}
}

// pullFor is how long one request for a task waits.
const pullFor = 5 * time.Second

// pull takes one task out of the queue for each free slot, until ctx ends: one that
// waits here would be nobody's.
func (w *Worker) pull(ctx context.Context, queue jetstream.Consumer, take func(jetstream.Msg), working *sync.WaitGroup) {
	for {
		if !w.takeSlot() {
			select {
			case <-w.changed:
				continue
			case <-ctx.Done():
				return
			}
		}
		m, err := w.next(ctx, queue)
		if errors.Is(err, errFewer) {
			w.freeSlot()
			continue
		}
		if err != nil {
			return // ctx has ended
		}
		working.Go(func() {
			defer w.freeSlot()
			take(m)
		})
	}
}

// takeSlot takes a slot, if one is free, until freeSlot is called.
func (w *Worker) takeSlot() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.taken >= w.slots {
		return false
	}
	w.taken++
	return true
}

func (w *Worker) freeSlot() {
	w.mu.Lock()
	w.taken--
	w.mu.Unlock()
	w.wake()
}

// tooMany reports whether more slots are taken than there are.
func (w *Worker) tooMany() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.taken > w.slots
}

// errFewer is that the worker has fewer slots than it had, and none is free.
var errFewer = errors.New("no slot is free any more")

// next waits for a task. Its error is errFewer, or that ctx has ended.
func (w *Worker) next(ctx context.Context, queue jetstream.Consumer) (jetstream.Msg, error) {
	for {
		if w.tooMany() {
			return nil, errFewer
		}
		asked, cancel := context.WithTimeout(ctx, pullFor)
		m, err := queue.Next(jetstream.FetchContext(asked))
		cancel()
		switch {
		case err == nil:
			return m, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, jetstream.ErrNoMessages):
			continue
		}
		w.Log.Warn("cannot take tasks", "error", err)
		if err := pause.For(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}
