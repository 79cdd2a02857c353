package tasks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Dispatcher has workers do the tasks of one controller, of all its rollouts. It may be
// used concurrently.
type Dispatcher struct {
	bus     *bus.Bus
	log     *slog.Logger
	replyTo string // the inbox to which workers send updates
	subs    []*nats.Subscription

	mu         sync.Mutex
	workers    workerSet
	pending    map[string]*pendingTask // by id
	dispatched int                     // tasks, ever
}

// pendingTask is a task that somebody waits for.
type pendingTask struct {
	progress chan hostjob.Progress // room for one: the newest counts
	result   chan Result           // room for one
	late     chan struct{}         // closed when another dispatcher was faster
	n        int                   // which one it is of the dispatcher's

	worker string    // whose claim counts; guarded by the dispatcher's lock
	seen   time.Time // when it said so last
}

// Times of a task that is dispatched.
const (
	heartbeatEvery   = 5 * time.Second  // of a worker that does it
	ackWait          = 15 * time.Second // without that the queue delivers it to another one
	claimFor         = ackWait - heartbeatEvery
	claimTimeout     = 10 * time.Second // until a worker has begun
	heartbeatTimeout = 3 * ackWait      // after which it is withdrawn
)

// OpenDispatcher begins to hear of workers. Its bus must be a cluster: elsewhere there
// is no queue. log is nil for slog.Default.
func OpenDispatcher(b *bus.Bus, log *slog.Logger) (*Dispatcher, error) {
	if log == nil {
		log = slog.Default()
	}
	d := &Dispatcher{bus: b, log: log, replyTo: nats.NewInbox(), workers: workerSet{}, pending: map[string]*pendingTask{}}
	err := errors.Join(d.listen(d.replyTo, d.onUpdate), d.listen(bus.CapacitySubject, d.onCapacity))
	if err == nil {
		err = b.Conn().Publish(bus.CapacityRequestSubject, nil)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot hear of workers: %w", err), d.Close())
	}
	return d, nil
}

func (d *Dispatcher) listen(subject string, take nats.MsgHandler) error {
	sub, err := d.bus.Conn().Subscribe(subject, take)
	if err == nil {
		d.subs = append(d.subs, sub)
	}
	return err
}

// Close ends the listening. Workers stop what nobody waits for.
func (d *Dispatcher) Close() error {
	var errs []error
	for _, sub := range d.subs {
		errs = append(errs, sub.Unsubscribe())
	}
	return errors.Join(errs...)
}

// onCapacity notes what a worker advertises.
func (d *Dispatcher) onCapacity(m *nats.Msg) {
	c, err := decodeCapacity(m.Data)
	if err != nil {
		d.log.Warn("a worker is not understood, and gets no tasks", "error", err)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	d.workers.update(c, now)
	d.yield(now)
}

// yield takes back what no worker can claim, since all are busy for others by now: two
// dispatchers may have dispatched at the same moment what there was one slot for. What
// was dispatched last goes first; what a worker has claimed stays.
func (d *Dispatcher) yield(now time.Time) {
	excess := len(d.pending) - d.workers.slots(d.replyTo, now)
	if excess <= 0 {
		return
	}
	var waiting []string
	for id, p := range d.pending {
		if p.worker == "" {
			waiting = append(waiting, id)
		}
	}
	slices.SortFunc(waiting, func(a, b string) int { return d.pending[b].n - d.pending[a].n })
	for _, id := range waiting[:min(excess, len(waiting))] {
		close(d.pending[id].late)
		delete(d.pending, id)
	}
}

// onUpdate takes an update of a task, and replies whether to go on.
func (d *Dispatcher) onUpdate(m *nats.Msg) {
	u, err := decodeUpdate(m.Data)
	if err != nil {
		d.log.Warn("an update of a worker is not understood", "error", err)
		return
	}
	if err := m.Respond([]byte(d.apply(u, time.Now()))); err != nil {
		d.log.Warn("cannot answer a worker", "worker", u.worker, "error", err)
	}
}

// apply takes an update of a task in, and returns what is to be replied. Of two
// workers that have one task, the second is heard once the first is silent.
func (d *Dispatcher) apply(u update, now time.Time) (reply string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.pending[u.task]
	switch {
	case p == nil:
		return replyStop
	case u.result != nil: // whoever has found out: it is the same job
		delete(d.pending, u.task)
		p.result <- *u.result
		return replyGoOn
	case p.worker != "" && p.worker != u.worker && now.Sub(p.seen) < claimFor:
		return replyClaimed
	}
	p.worker, p.seen = u.worker, now
	var progress hostjob.Progress
	if u.progress != nil {
		progress = *u.progress
	}
	select {
	case <-p.progress: // nobody has looked at the one before
	default:
	}
	p.progress <- progress
	return replyGoOn
}

// reserve takes a free slot of the workers, until it is released. It is false if there
// is none.
func (d *Dispatcher) reserve() (id string, p *pendingTask, there bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.workers.slots(d.replyTo, time.Now()) <= len(d.pending) {
		return "", nil, false
	}
	d.dispatched++
	id, p = nuid.Next(), &pendingTask{progress: make(chan hostjob.Progress, 1), result: make(chan Result, 1), late: make(chan struct{}), n: d.dispatched}
	d.pending[id] = p
	return id, p, true
}

func (d *Dispatcher) release(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.pending, id)
}

// Dispatch has a worker do a task, and returns how it ended. It is false if no worker
// has a free slot, none claims the task, or its heartbeats end: then the task is for
// the caller to do, who finds on the host what a worker may have begun.
//
// show is called while it goes on, from Dispatch's own goroutine. When ctx ends, the
// result is that nobody knows.
func (d *Dispatcher) Dispatch(ctx context.Context, t Task, show func(hostjob.Progress)) (Result, bool) {
	id, p, there := d.reserve()
	if !there {
		return Result{}, false
	}
	defer d.release(id)
	data, err := queuedTask{t, id, d.replyTo}.encode()
	if err != nil {
		d.log.Warn("cannot dispatch a task", "host", t.Host, "error", err)
		return Result{}, false
	}
	seq, err := d.bus.PublishAll(ctx, &nats.Msg{Subject: bus.TaskSubject(string(t.Rollout)), Data: data})
	if err != nil {
		d.log.Warn("cannot dispatch a task", "host", t.Host, "error", err)
		return Result{}, false
	}
	r, done := d.await(ctx, t, p, show)
	if !done {
		d.withdraw(ctx, t, seq)
	}
	return r, done
}

// await waits for the end of a task, as long as there are heartbeats of it.
func (d *Dispatcher) await(ctx context.Context, t Task, p *pendingTask, show func(hostjob.Progress)) (Result, bool) {
	patience := time.NewTimer(claimTimeout)
	defer patience.Stop()
	for {
		select {
		case now := <-p.progress:
			patience.Reset(heartbeatTimeout)
			if show != nil && now != (hostjob.Progress{}) {
				show(now)
			}
		case r := <-p.result:
			if r.Declined != "" {
				d.log.Warn("a worker cannot do a host, and this controller does it", "host", t.Host, "rollout", string(t.Rollout), "error", r.Declined)
			}
			return r, r.Declined == ""
		case <-p.late:
			d.log.Info("no worker has a slot for a host any more, and this controller does it", "host", t.Host, "rollout", string(t.Rollout))
			return Result{}, false
		case <-patience.C:
			d.log.Warn("nothing is heard of a host from workers, and this controller does it", "host", t.Host, "rollout", string(t.Rollout))
			return Result{}, false
		case <-ctx.Done():
			return Result{Verdict: rollout.HostUnknown, Cause: fmt.Sprintf("cannot wait for the worker: %v", context.Cause(ctx))}, true
		}
	}
}

// withdraw takes a task out of the queue. Should that fail, whoever gets it is told
// that nobody waits for it.
func (d *Dispatcher) withdraw(ctx context.Context, t Task, seq uint64) {
	ctx, cancel := context.WithTimeout(ctx, heartbeatEvery)
	defer cancel()
	stream, err := d.bus.JetStream().Stream(ctx, bus.Tasks)
	if err == nil {
		err = stream.DeleteMsg(ctx, seq)
	}
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		d.log.Info("a task stays in the queue, and nobody waits for it", "host", t.Host, "error", err)
	}
}
