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

// charge is a task that a worker has out of the queue.
type charge struct {
	worker *Worker
	task   posted
	msg    jetstream.Msg

	mu       sync.Mutex
	progress hostjob.Progress
	moved    chan struct{} // room for one: there is something new to show
}

const (
	askFor    = 4 * time.Second  // how long a desk may take to answer
	showEvery = time.Second      // progress is told no more often
	returnIn  = 5 * time.Second  // a task that cannot be begun now comes again
	tellFor   = 60 * time.Second // an answer that does not arrive is kept so long
)

// fate is what becomes of a task in the queue.
type fate int

const (
	over   fate = iota // it leaves the queue
	again              // it comes again, to this worker or another one
	begin              // it is to be done
	theirs             // it is in the hands of another worker, who settles it
)

// take does a task that came out of the queue, or finds out that it must not.
func (w *Worker) take(ctx context.Context, m jetstream.Msg) {
	t, err := decodeTask(m.Data())
	if err != nil {
		w.Log.Warn("a task is left to others", "error", err)
		w.settle(m, m.NakWithDelay(returnIn)) // its controller takes it back in the end
		return
	}
	defer w.employ(t.desk)()
	c := &charge{worker: w, task: t, msg: m, moved: make(chan struct{}, 1)}
	next := c.claim(ctx)
	if next == begin {
		next = c.work(ctx)
	}
	switch next {
	case over:
		w.settle(m, m.Ack())
	case again:
		w.settle(m, m.NakWithDelay(returnIn))
	}
}

// settle tells of an error of the queue's. Nothing else is to be done about it: the
// task comes again, and is nobody's then.
func (w *Worker) settle(m jetstream.Msg, err error) {
	if err != nil {
		w.Log.Warn("the queue does not take a task back", "subject", m.Subject(), "error", err)
	}
}

// claim asks whether the task is to be done: whether its desk waits for it, and the
// rollout still is that controller's.
func (c *charge) claim(ctx context.Context) fate {
	said := c.say(ctx, word{})
	switch said {
	case letGo:
		return over
	case taken:
		return again
	}
	ours, err := c.ours(ctx)
	switch {
	case err != nil:
		c.worker.Log.Warn("cannot begin a host", "host", c.task.Host, "rollout", string(c.task.Rollout), "error", err)
		return again
	case !ours:
		return over
	case said == noDesk:
		return again
	}
	return begin
}

// ours reports whether the rollout is still in the hands of who wrote the task.
func (c *charge) ours(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, ackWait)
	defer cancel()
	term, err := c.worker.Term(ctx, c.task.Rollout)
	return term == c.task.Term, err
}

// say tells the desk something of the task, and returns what it answers.
func (c *charge) say(ctx context.Context, said word) string {
	said.task, said.worker = c.task.id, c.worker.id
	data, err := said.encode()
	if err != nil {
		c.worker.Log.Error("cannot tell of a host", "host", c.task.Host, "error", err)
		return noDesk
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	m, err := c.worker.bus.Conn().RequestWithContext(ctx, c.task.desk, data)
	if err != nil {
		if !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			c.worker.Log.Warn("cannot tell of a host", "host", c.task.Host, "error", err)
		}
		return noDesk
	}
	return string(m.Data)
}

// work does the task and tells how it ended.
func (c *charge) work(ctx context.Context) fate {
	log := c.worker.Log.With("rollout", string(c.task.Rollout), "host", string(c.task.Host), "step", c.task.Step, "verb", string(c.task.Verb))
	log.Info("working on a host")
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	stop := c.keep(ctx, end)
	report, err := c.worker.Work(ctx, c.task.Task, c.show)
	stop()
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errLeaving):
		log.Info("left a host to others")
		return again
	case errors.Is(cause, ErrLetGo):
		log.Info("let go of a host", "error", cause)
		if errors.Is(cause, errTaken) {
			return theirs
		}
		return over
	}
	a := newAnswer(report, err)
	log.Info("worked on a host", "verdict", string(a.Verdict), "error", a.Cause+a.Declined)
	return c.tell(ctx, a)
}

// show notes how far the step is.
func (c *charge) show(p hostjob.Progress) {
	c.mu.Lock()
	c.progress = p
	c.mu.Unlock()
	select {
	case c.moved <- struct{}{}:
	default:
	}
}

// keep keeps the task, and tells how far it is, until what it returns is called. It
// ends the work when the task is no longer ours.
func (c *charge) keep(ctx context.Context, end context.CancelCauseFunc) (stop func()) {
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(showEvery)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-stopped:
				return
			case <-tick.C:
			}
			if !c.due(last) {
				continue
			}
			last = time.Now()
			if err := c.beat(ctx); err != nil {
				end(err)
				return
			}
		}
	}()
	return func() { close(stopped); <-done }
}

// due reports whether there is something to tell, or nothing was for long.
func (c *charge) due(last time.Time) bool {
	select {
	case <-c.moved:
		return true
	default:
		return time.Since(last) >= beatEvery
	}
}

// beat tells how far the step is. Its error is why the work is to end.
func (c *charge) beat(ctx context.Context) error {
	if err := c.msg.InProgress(); err != nil {
		c.worker.Log.Warn("the queue does not hear of a host", "host", c.task.Host, "error", err)
	}
	c.mu.Lock()
	p := c.progress
	c.mu.Unlock()
	switch c.say(ctx, word{progress: &p}) {
	case letGo:
		return ErrLetGo
	case taken:
		return fmt.Errorf("%w: %w", ErrLetGo, errTaken)
	case noDesk:
		if ours, err := c.ours(ctx); err == nil && !ours {
			return fmt.Errorf("%w: another controller has the rollout", ErrLetGo)
		}
	}
	return nil
}

// tell brings the answer to the desk. Where that is gone, and nobody has the rollout
// yet, it is kept for a while; after that somebody has to find out anew.
func (c *charge) tell(ctx context.Context, a Answer) fate {
	for began := time.Now(); ; {
		if c.say(ctx, word{answer: &a}) != noDesk {
			return over
		}
		if ours, err := c.ours(ctx); err == nil && !ours {
			return over
		}
		if err := c.msg.InProgress(); err != nil || time.Since(began) > tellFor || pause.For(ctx, time.Second) != nil {
			return again
		}
	}
}
