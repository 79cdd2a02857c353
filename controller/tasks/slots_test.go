package tasks

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// TestResize: a worker that has more slots takes more tasks at once, with those that it
// had going on; one that has fewer takes none until so many have ended.
func TestResize(t *testing.T) {
	s := newFixture(t)
	var now atomic.Int64
	end := make(chan struct{})
	w, _ := s.start(1, func(ctx context.Context, _ Task, _ func(hostjob.Progress)) (engine.Report, error) {
		defer now.Add(-1)
		now.Add(1)
		select {
		case <-end:
		case <-ctx.Done():
		}
		return engine.Report{}, context.Cause(ctx)
	})
	var all sync.WaitGroup
	dispatch := func(n int) {
		for range n {
			all.Go(func() {
				if _, done := s.dispatcher.Dispatch(t.Context(), apt, nil); !done {
					t.Error("no slot was free")
				}
			})
		}
	}
	dispatch(1)
	s.until("one is at work", func() bool { return now.Load() == 1 })
	w.Resize(3)
	s.until("the dispatcher knows of three", func() bool { return s.slots() == 3 })
	dispatch(2)
	s.until("three are at work", func() bool { return now.Load() == 3 })
	w.Resize(4) // of which one waits for a task
	s.until("the dispatcher knows of four", func() bool { return s.slots() == 4 })
	w.Resize(2)
	s.until("the dispatcher knows of two", func() bool { return s.slots() == 2 })
	if _, done := s.dispatcher.Dispatch(t.Context(), apt, nil); done || now.Load() != 3 {
		t.Errorf("a fourth was done, with %d at work", now.Load())
	}
	end <- struct{}{}
	s.until("two are at work", func() bool { return now.Load() == 2 })
	time.Sleep(pullFor + time.Second)                        // within which it does not wait any more
	s.post(queuedTask{apt, "surplus", s.dispatcher.replyTo}) // of a dispatcher that does not know yet
	time.Sleep(time.Second)
	if s.queued() != 3 || now.Load() != 2 {
		t.Errorf("%d are in the queue and %d at work, want 3 and 2", s.queued(), now.Load())
	}
	close(end)
	all.Wait()
	s.until("the queue is empty", func() bool { return s.queued() == 0 })
}

// TestTwoDispatchers: a worker whose slots are all busy for one controller has none for
// another one, which does its hosts itself and does not wait; and once they are free it has
// them all.
func TestTwoDispatchers(t *testing.T) {
	s := newFixture(t)
	release := make(chan struct{})
	var now, most atomic.Int64
	s.work(2, func(ctx context.Context, _ Task, _ func(hostjob.Progress)) (engine.Report, error) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		select {
		case <-release:
		case <-ctx.Done():
		}
		return engine.Report{}, context.Cause(ctx)
	})
	second, err := OpenDispatcher(s.bus, nil)
	s.must(err)
	t.Cleanup(func() { _ = second.Close() })
	free := func(d *Dispatcher) int {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.workers.slots(d.replyTo, time.Now()) - len(d.pending)
	}
	s.until("both see the worker", func() bool { return free(s.dispatcher) == 2 && free(second) == 2 })
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if a, done := s.dispatcher.Dispatch(t.Context(), apt, nil); !done || a.Verdict != rollout.HostDone {
				t.Errorf("the first dispatcher's is %v with %+v", done, a)
			}
		})
	}
	s.until("the second dispatcher sees no free slot", func() bool { return free(second) == 0 })
	if _, done := second.Dispatch(t.Context(), apt, nil); done || s.queued() != 2 {
		t.Errorf("with no slot free it was done, or put into the queue, where %d are", s.queued())
	}
	close(release)
	all.Wait()
	s.until("the second dispatcher sees both", func() bool { return free(second) == 2 })

	var dispatched atomic.Int64
	for i := range 8 { // at the same time from both, which may take one slot for two
		all.Go(func() {
			dispatcher := []*Dispatcher{s.dispatcher, second}[i%2]
			if _, done := dispatcher.Dispatch(t.Context(), apt, nil); done {
				dispatched.Add(1)
			}
		})
	}
	all.Wait()
	if n := dispatched.Load(); n < 2 || most.Load() != 2 {
		t.Errorf("%d were dispatched, %d at once, want at least 2, and 2 at once", n, most.Load())
	}
	s.until("the queue is empty", func() bool { return s.queued() == 0 })
}

// TestRace: of two dispatchers that dispatch at the same moment what one slot is there for,
// one does its host itself as soon as the worker has begun the other one's.
func TestRace(t *testing.T) {
	s := newFixture(t)
	gone := s.work(1, nil)
	gone() // it has made the consumer; the test goes on as its worker
	second, err := OpenDispatcher(s.bus, nil)
	s.must(err)
	t.Cleanup(func() { _ = second.Close() })
	dispatchers := map[string]*Dispatcher{s.dispatcher.replyTo: s.dispatcher, second.replyTo: second}
	for _, d := range dispatchers {
		d.mu.Lock()
		d.workers.update(capacity{"w", 1, nil}, time.Now())
		d.mu.Unlock()
	}
	type end struct {
		replyTo string
		done    bool
	}
	ended := make(chan end, 2)
	for replyTo, d := range dispatchers {
		go func() {
			_, done := d.Dispatch(t.Context(), apt, nil)
			ended <- end{replyTo, done}
		}()
	}
	s.until("both have dispatched", func() bool { return s.queued() == 2 })
	queue, err := s.bus.JetStream().Consumer(t.Context(), bus.Tasks, consumer)
	s.must(err)
	m, err := queue.Next()
	s.must(err)
	q, err := decodeTask(m.Data())
	s.must(err)
	told, err := capacity{"w", 1, map[string]int{q.replyTo: 1}}.encode()
	s.must(err)
	s.must(s.bus.Conn().Publish(bus.CapacitySubject, told))
	begun := time.Now()
	if got := dispatchers[q.replyTo].apply(update{task: q.id, worker: "w"}, begun); got != replyGoOn {
		t.Fatalf("who was first is told to %s", got)
	}
	if e := <-ended; e.done || e.replyTo == q.replyTo || time.Since(begun) > claimTimeout/5 {
		t.Errorf("after %v a dispatcher goes on, %+v, and %s was first", time.Since(begun), e, q.replyTo)
	}
	dispatchers[q.replyTo].apply(update{task: q.id, worker: "w", result: &Result{Verdict: rollout.HostDone}}, time.Now())
	if e := <-ended; !e.done {
		t.Error("whose host the worker has done is told that nobody has")
	}
	s.must(m.Ack())
	s.until("the queue is empty", func() bool { return s.queued() == 0 })
}
