package tasks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

// delivery is a task that a worker has out of the queue.
type delivery struct {
	worker *Worker
	task   queuedTask
	msg    jetstream.Msg

	mu       sync.Mutex
	progress hostjob.Progress
	changed  chan struct{} // room for one: there is something new to show
}

const (
	replyTimeout   = 4 * time.Second  // how long a dispatcher may take to answer
	progressEvery  = time.Second      // progress is told no more often
	redeliverAfter = 5 * time.Second  // a task that cannot be begun now is delivered again
	resultTimeout  = 60 * time.Second // a result that does not arrive is kept so long
)

// disposition is what becomes of a task in the queue.
type disposition int

const (
	ack       disposition = iota // it leaves the queue
	redeliver                    // it comes again, to this worker or another one
	proceed                      // it is to be done
	abandon                      // another worker has it, and settles it
)

// handle does a task that came out of the queue, or finds out that it must not.
func (w *Worker) handle(ctx context.Context, m jetstream.Msg) {
	t, err := decodeTask(m.Data())
	if err != nil {
		w.Log.Warn("a task is left to others", "error", err)
		w.settle(m, m.NakWithDelay(redeliverAfter)) // its controller takes it back in the end
		return
	}
	d := &delivery{worker: w, task: t, msg: m, changed: make(chan struct{}, 1)}
	next := d.claim(ctx)
	if next == proceed { // before, the slot would be told as busy for a task that nobody waits for
		done := w.occupy(t.replyTo)
		next = d.run(ctx)
		done()
	}
	switch next {
	case ack:
		w.settle(m, m.Ack())
	case redeliver:
		w.settle(m, m.NakWithDelay(redeliverAfter))
	}
}

// settle tells of an error of the queue's. Nothing else is to be done about it: the
// task comes again, and is nobody's then.
func (w *Worker) settle(m jetstream.Msg, err error) {
	if err != nil {
		w.Log.Warn("the queue does not take a task back", "subject", m.Subject(), "error", err)
	}
}

// claim asks whether the task is to be done: whether its dispatcher waits for it, and the
// rollout still is that controller's.
func (d *delivery) claim(ctx context.Context) disposition {
	reply := d.send(ctx, update{})
	switch reply {
	case replyStop:
		return ack
	case replyClaimed:
		return redeliver
	}
	ours, err := d.current(ctx)
	switch {
	case err != nil:
		d.worker.Log.Warn("cannot begin a host", "host", d.task.Host, "rollout", string(d.task.Rollout), "error", err)
		return redeliver
	case !ours:
		return ack
	case reply == noReply:
		return redeliver
	}
	return proceed
}

// current reports whether the controller that sent the task still has the rollout.
func (d *delivery) current(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, ackWait)
	defer cancel()
	term, err := d.worker.Term(ctx, d.task.Rollout)
	return term == d.task.Term, err
}

// send sends the dispatcher an update of the task, and returns its reply.
func (d *delivery) send(ctx context.Context, u update) string {
	u.task, u.worker = d.task.id, d.worker.id
	data, err := u.encode()
	if err != nil {
		d.worker.Log.Error("cannot tell of a host", "host", d.task.Host, "error", err)
		return noReply
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	m, err := d.worker.bus.Conn().RequestWithContext(ctx, d.task.replyTo, data)
	if err != nil {
		if !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			d.worker.Log.Warn("cannot tell of a host", "host", d.task.Host, "error", err)
		}
		return noReply
	}
	return string(m.Data)
}

// run does the task and sends how it ended.
func (d *delivery) run(ctx context.Context) disposition {
	log := d.worker.Log.With("rollout", string(d.task.Rollout), "host", string(d.task.Host), "step", d.task.Step, "verb", string(d.task.Verb))
	log.Info("working on a host")
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	stop := d.keepAlive(ctx, end)
	report, err := d.worker.Work(ctx, d.task.Task, d.setProgress)
	stop()
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errShutdown):
		log.Info("left a host to others")
		return redeliver
	case errors.Is(cause, ErrClaimLost):
		log.Info("stopped work on a host", "error", cause)
		if errors.Is(cause, errOtherWorker) {
			return abandon
		}
		return ack
	}
	result := newResult(report, err)
	log.Info("worked on a host", "verdict", string(result.Verdict), "error", result.Cause+result.Declined)
	return d.deliver(ctx, result)
}

// setProgress notes how far the step is.
func (d *delivery) setProgress(p hostjob.Progress) {
	d.mu.Lock()
	d.progress = p
	d.mu.Unlock()
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// keepAlive sends heartbeats of the task until what it returns is called. It ends the
// work when the claim is lost.
func (d *delivery) keepAlive(ctx context.Context, end context.CancelCauseFunc) (stop func()) {
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-stopped:
				return
			case <-tick.C:
			}
			if !d.due(last) {
				continue
			}
			last = time.Now()
			if err := d.heartbeat(ctx); err != nil {
				end(err)
				return
			}
		}
	}()
	return func() { close(stopped); <-done }
}

// due reports whether a heartbeat is: there is progress, or the last one was long ago.
func (d *delivery) due(last time.Time) bool {
	select {
	case <-d.changed:
		return true
	default:
		return time.Since(last) >= heartbeatEvery
	}
}

// heartbeat sends how far the step is. Its error is why the work is to end.
func (d *delivery) heartbeat(ctx context.Context) error {
	if err := d.msg.InProgress(); err != nil {
		d.worker.Log.Warn("the queue takes no heartbeat of a host", "host", d.task.Host, "error", err)
	}
	d.mu.Lock()
	p := d.progress
	d.mu.Unlock()
	switch d.send(ctx, update{progress: &p}) {
	case replyStop:
		return ErrClaimLost
	case replyClaimed:
		return fmt.Errorf("%w: %w", ErrClaimLost, errOtherWorker)
	case noReply:
		if ours, err := d.current(ctx); err == nil && !ours {
			return fmt.Errorf("%w: another controller has the rollout", ErrClaimLost)
		}
	}
	return nil
}

// deliver brings the result to the dispatcher. Where that is gone, and nobody has the
// rollout yet, it is kept for a while; after that somebody has to find out anew.
func (d *delivery) deliver(ctx context.Context, r Result) disposition {
	for began := time.Now(); ; {
		if d.send(ctx, update{result: &r}) != noReply {
			return ack
		}
		if ours, err := d.current(ctx); err == nil && !ours {
			return ack
		}
		if err := d.msg.InProgress(); err != nil || time.Since(began) > resultTimeout || pause.For(ctx, time.Second) != nil {
			return redeliver
		}
	}
}
