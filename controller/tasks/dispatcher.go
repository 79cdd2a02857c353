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
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Desk hands out the tasks of one controller, of all its rollouts. It may be used
// concurrently.
type Desk struct {
	bus   *bus.Bus
	log   *slog.Logger
	inbox string // on which workers say how it goes
	subs  []*nats.Subscription

	mu    sync.Mutex
	crowd crowd
	out   map[string]*handed // by id
}

// handed is a task that somebody waits for.
type handed struct {
	heard  chan hostjob.Progress // room for one: the newest counts
	answer chan Answer           // room for one

	worker string // who said last that he is at it; guarded by the desk's lock
	at     time.Time
}

// Times of a task that is handed out.
const (
	beatEvery = 5 * time.Second  // a worker that is at it says so
	ackWait   = 15 * time.Second // without that the queue gives it to another one
	holdsFor  = ackWait - beatEvery
	claimIn   = 10 * time.Second // until a worker has begun
	silence   = 3 * ackWait      // after which it is taken back
)

// Open begins to hear of workers. Its bus must be a cluster: elsewhere there is no
// queue. log is nil for slog.Default.
func Open(b *bus.Bus, log *slog.Logger) (*Desk, error) {
	if log == nil {
		log = slog.Default()
	}
	d := &Desk{bus: b, log: log, inbox: nats.NewInbox(), crowd: crowd{}, out: map[string]*handed{}}
	err := errors.Join(d.listen(d.inbox, d.hear), d.listen(bus.HereSubject, d.meet))
	if err == nil {
		err = b.Conn().Publish(bus.WhereSubject, nil)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot hear of workers: %w", err), d.Close())
	}
	return d, nil
}

func (d *Desk) listen(subject string, take nats.MsgHandler) error {
	sub, err := d.bus.Conn().Subscribe(subject, take)
	if err == nil {
		d.subs = append(d.subs, sub)
	}
	return err
}

// Close ends the listening. Workers let go of what nobody waits for.
func (d *Desk) Close() error {
	var errs []error
	for _, sub := range d.subs {
		errs = append(errs, sub.Unsubscribe())
	}
	return errors.Join(errs...)
}

// meet notes that a worker is there.
func (d *Desk) meet(m *nats.Msg) {
	p, err := decodePresence(m.Data)
	if err != nil {
		d.log.Warn("a worker is left alone", "error", err)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crowd.see(p, time.Now())
}

// hear takes what a worker says of a task, and tells it whether to go on.
func (d *Desk) hear(m *nats.Msg) {
	w, err := decodeWord(m.Data)
	if err != nil {
		d.log.Warn("a worker is not understood", "error", err)
		return
	}
	if err := m.Respond([]byte(d.note(w, time.Now()))); err != nil {
		d.log.Warn("cannot answer a worker", "worker", w.worker, "error", err)
	}
}

// note takes what is said of a task, and returns what is to be answered. Of two
// workers that have one task, the second is heard once the first is silent.
func (d *Desk) note(w word, now time.Time) (reply string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.out[w.task]
	switch {
	case h == nil:
		return letGo
	case w.answer != nil: // whoever has found out: it is the same job
		delete(d.out, w.task)
		h.answer <- *w.answer
		return goOn
	case h.worker != "" && h.worker != w.worker && now.Sub(h.at) < holdsFor:
		return taken
	}
	h.worker, h.at = w.worker, now
	var p hostjob.Progress
	if w.progress != nil {
		p = *w.progress
	}
	select {
	case <-h.heard: // nobody has looked at the one before
	default:
	}
	h.heard <- p
	return goOn
}

// take takes one of the hands that are there, as long as it is not given back. It
// is false if all are full.
func (d *Desk) take() (id string, h *handed, there bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.crowd.slots(d.inbox, time.Now()) <= len(d.out) {
		return "", nil, false
	}
	id, h = nuid.Next(), &handed{heard: make(chan hostjob.Progress, 1), answer: make(chan Answer, 1)}
	d.out[id] = h
	return id, h, true
}

func (d *Desk) giveBack(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.out, id)
}

// Hand has a worker do a task, and returns how it ended. It is false if no worker
// has a free hand, none begins, or nothing more is heard: then the task is for the
// caller to do, who finds on the host what a worker may have begun.
//
// show is called while it goes on, from Hand's own goroutine. When ctx ends, the
// answer is that nobody knows.
func (d *Desk) Hand(ctx context.Context, t Task, show func(hostjob.Progress)) (Answer, bool) {
	id, h, there := d.take()
	if !there {
		return Answer{}, false
	}
	defer d.giveBack(id)
	data, err := posted{t, id, d.inbox}.encode()
	if err != nil {
		d.log.Warn("cannot hand out a task", "host", t.Host, "error", err)
		return Answer{}, false
	}
	seq, err := d.bus.PublishAll(ctx, &nats.Msg{Subject: bus.TaskSubject(string(t.Rollout)), Data: data})
	if err != nil {
		d.log.Warn("cannot hand out a task", "host", t.Host, "error", err)
		return Answer{}, false
	}
	a, done := d.await(ctx, t, h, show)
	if !done {
		d.withdraw(ctx, t, seq)
	}
	return a, done
}

// await waits for the end of a task, as long as something is heard of it.
func (d *Desk) await(ctx context.Context, t Task, h *handed, show func(hostjob.Progress)) (Answer, bool) {
	patience := time.NewTimer(claimIn)
	defer patience.Stop()
	for {
		select {
		case p := <-h.heard:
			patience.Reset(silence)
			if show != nil && p != (hostjob.Progress{}) {
				show(p)
			}
		case a := <-h.answer:
			if a.Declined != "" {
				d.log.Warn("a worker cannot do a host, and this controller does it", "host", t.Host, "rollout", string(t.Rollout), "error", a.Declined)
			}
			return a, a.Declined == ""
		case <-patience.C:
			d.log.Warn("nothing is heard of a host from workers, and this controller does it", "host", t.Host, "rollout", string(t.Rollout))
			return Answer{}, false
		case <-ctx.Done():
			return Answer{Verdict: rollout.HostUnknown, Cause: fmt.Sprintf("cannot wait for the worker: %v", context.Cause(ctx))}, true
		}
	}
}

// withdraw takes a task out of the queue. Should that fail, whoever gets it is told
// that nobody waits for it.
func (d *Desk) withdraw(ctx context.Context, t Task, seq uint64) {
	ctx, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	stream, err := d.bus.JetStream().Stream(ctx, bus.Tasks)
	if err == nil {
		err = stream.DeleteMsg(ctx, seq)
	}
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		d.log.Info("a task stays in the queue, and nobody waits for it", "host", t.Host, "error", err)
	}
}
