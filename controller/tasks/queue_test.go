package tasks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// fixture is a bus with a queue, as a cluster has it, and a dispatcher on it.
type fixture struct {
	t          *testing.T
	bus        *bus.Bus
	dispatcher *Dispatcher
	term       atomic.Int64 // of every rollout
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	t.Parallel() // most of them wait
	s := &fixture{t: t}
	s.term.Store(int64(apt.Term))
	var err error
	if s.bus, err = bus.Open(t.Context(), bus.Options{State: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.bus.Close() })
	config := jetstream.StreamConfig{Name: bus.Tasks, Subjects: []string{bus.TaskSubject(">")}, Retention: jetstream.WorkQueuePolicy}
	if _, err := s.bus.JetStream().CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if s.dispatcher, err = OpenDispatcher(s.bus, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.dispatcher.Close() })
	return s
}

// work starts a worker, and returns what ends it and waits for it.
func (s *fixture) work(slots int, work func(context.Context, Task, func(hostjob.Progress)) (engine.Report, error)) (end func()) {
	s.t.Helper()
	_, end = s.start(slots, work)
	return end
}

// start is work, for tests that go on to do something with the worker.
func (s *fixture) start(slots int, work func(context.Context, Task, func(hostjob.Progress)) (engine.Report, error)) (w *Worker, end func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	w = &Worker{
		Name: "w", Slots: slots, Grace: time.Millisecond, Work: work, Ready: func() { close(ready) },
		Term: func(context.Context, rollout.ID) (int, error) { return int(s.term.Load()), nil },
	}
	go func() { done <- w.Run(ctx, s.bus) }()
	<-ready
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
	s.t.Cleanup(end)
	s.until("the worker is there", func() bool { return s.slots() >= slots })
	return w, end
}

func (s *fixture) slots() int {
	s.dispatcher.mu.Lock()
	defer s.dispatcher.mu.Unlock()
	return s.dispatcher.workers.slots(s.dispatcher.replyTo, time.Now())
}

func (s *fixture) until(what string, condition func() bool) {
	s.t.Helper()
	for range 6000 {
		if condition() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("%s: did not come true", what)
}

// queued returns how many tasks are in the queue.
func (s *fixture) queued() uint64 {
	s.t.Helper()
	stream, err := s.bus.JetStream().Stream(s.t.Context(), bus.Tasks)
	if err != nil {
		s.t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

// post puts a task into the queue for which a dispatcher waits that is not ours.
func (s *fixture) post(p queuedTask) {
	s.t.Helper()
	data, err := p.encode()
	if err == nil {
		_, err = s.bus.PublishAll(s.t.Context(), &nats.Msg{Subject: bus.TaskSubject(string(p.Rollout)), Data: data})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestDispatch: tasks are done by workers, no more at once than these have slots, and
// what is told on the way and in the end arrives.
func TestDispatch(t *testing.T) {
	s := newFixture(t)
	if _, done := s.dispatcher.Dispatch(t.Context(), apt, nil); done {
		t.Fatal("a task was done, and nobody is there")
	}
	var now, most atomic.Int64
	s.work(2, func(_ context.Context, task Task, show func(hostjob.Progress)) (engine.Report, error) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		show(hostjob.Progress{Percent: 50})
		time.Sleep(2 * progressEvery)
		return engine.Report{Notes: []string{string(task.Host)}}, engine.Judge(rollout.HostUnreachable, errors.New("refused"))
	})
	var all sync.WaitGroup
	var dispatched atomic.Int64
	for i := range 4 {
		all.Go(func() {
			task := apt
			task.Host += "x"
			var shown atomic.Bool
			a, done := s.dispatcher.Dispatch(t.Context(), task, func(p hostjob.Progress) { shown.Store(p.Percent == 50) })
			if !done {
				return // no slot was free
			}
			dispatched.Add(1)
			if !shown.Load() || a.Report.Notes[0] != "web1x" || engine.VerdictOf(a.err()) != rollout.HostUnreachable || a.err().Error() != "refused" {
				t.Errorf("task %d: shown is %v, the result %+v", i, shown.Load(), a)
			}
		})
	}
	all.Wait()
	if dispatched.Load() != 2 || most.Load() != 2 {
		t.Errorf("%d were dispatched, %d at once, want 2", dispatched.Load(), most.Load())
	}
	s.until("the queue is empty", func() bool { return s.queued() == 0 })
}

// TestDeclined: what a worker cannot do is the caller's, and in no queue.
func TestDeclined(t *testing.T) {
	s := newFixture(t)
	s.work(1, func(context.Context, Task, func(hostjob.Progress)) (engine.Report, error) {
		return engine.Report{}, fmt.Errorf("%w: no such host", ErrDeclined)
	})
	if a, done := s.dispatcher.Dispatch(t.Context(), apt, nil); done {
		t.Errorf("it was done: %+v", a)
	}
	s.until("the queue is empty", func() bool { return s.queued() == 0 })
}

// TestLeaving: a worker that ends gives back what it has not done, and another one
// does it.
func TestLeaving(t *testing.T) {
	s := newFixture(t)
	begun := make(chan struct{})
	end := s.work(1, func(ctx context.Context, _ Task, _ func(hostjob.Progress)) (engine.Report, error) {
		close(begun)
		<-ctx.Done()
		return engine.Report{}, context.Cause(ctx)
	})
	result := make(chan Result, 1)
	go func() {
		r, _ := s.dispatcher.Dispatch(t.Context(), apt, nil)
		result <- r
	}()
	<-begun
	end()
	s.work(1, func(context.Context, Task, func(hostjob.Progress)) (engine.Report, error) {
		return engine.Report{}, nil
	})
	if r := <-result; r.Verdict != rollout.HostDone {
		t.Errorf("the result is %+v", r)
	}
}

// TestNobodyWaits: a task whose dispatcher says so, or whose rollout another controller
// has, leaves the queue and is not begun. One whose controller is only out of reach
// stays.
func TestNobodyWaits(t *testing.T) {
	s := newFixture(t)
	s.post(queuedTask{apt, "unknown", s.dispatcher.replyTo})
	fenced := apt
	fenced.Term--
	s.post(queuedTask{fenced, "fenced", "_INBOX.nobody"})
	var begun atomic.Int64
	s.work(2, func(context.Context, Task, func(hostjob.Progress)) (engine.Report, error) {
		begun.Add(1)
		return engine.Report{}, nil
	})
	s.until("the queue is empty", func() bool { return s.queued() == 0 })
	s.post(queuedTask{apt, "orphan", "_INBOX.nobody"})
	time.Sleep(time.Second)
	if s.queued() != 1 {
		t.Error("a task is gone whose controller may come back")
	}
	s.term.Add(1)
	s.until("the queue is empty", func() bool { return s.queued() == 0 })
	if n := begun.Load(); n != 0 {
		t.Errorf("%d tasks were begun", n)
	}
}

// TestTakenOver: a task that is at work ends once another controller has the rollout.
func TestTakenOver(t *testing.T) {
	s := newFixture(t)
	begun, ended := make(chan struct{}), make(chan error, 1)
	s.work(1, func(ctx context.Context, _ Task, _ func(hostjob.Progress)) (engine.Report, error) {
		close(begun)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return engine.Report{}, context.Cause(ctx)
	})
	ctx, die := context.WithCancel(t.Context())
	go s.dispatcher.Dispatch(ctx, apt, nil) //nolint:errcheck // nobody waits for it
	<-begun
	s.must(s.dispatcher.Close()) // its process has died
	die()
	s.term.Add(1)
	if err := <-ended; !errors.Is(err, ErrClaimLost) {
		t.Errorf("it ended with %v", err)
	}
	s.until("the queue is empty", func() bool { return s.queued() == 0 })
}

func (s *fixture) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestRedelivered: of a worker that is dead nothing is heard, and the queue gives its
// task to another one.
func TestRedelivered(t *testing.T) {
	s := newFixture(t)
	alive := s.work(1, func(context.Context, Task, func(hostjob.Progress)) (engine.Report, error) {
		return engine.Report{}, nil
	})
	alive() // it has made the consumer, and there is a slot for the dead one
	s.dispatcher.mu.Lock()
	s.dispatcher.workers.update(capacity{"dead", 1, nil}, time.Now())
	s.dispatcher.mu.Unlock()
	result := make(chan Result, 1)
	go func() {
		r, _ := s.dispatcher.Dispatch(t.Context(), apt, nil)
		result <- r
	}()
	queue, err := s.bus.JetStream().Consumer(t.Context(), bus.Tasks, consumer)
	s.must(err)
	m, err := queue.Next()
	s.must(err)
	p, err := decodeTask(m.Data())
	s.must(err)
	if s.dispatcher.apply(update{task: p.id, worker: "dead"}, time.Now()) != replyGoOn {
		t.Fatal("its claim is refused")
	}
	s.work(1, func(context.Context, Task, func(hostjob.Progress)) (engine.Report, error) {
		return engine.Report{}, nil
	})
	if r := <-result; r.Verdict != rollout.HostDone {
		t.Errorf("the result is %+v", r)
	}
}
