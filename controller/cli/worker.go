package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/aptfleet/aptfleet/controller/config"
	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/tasks"
	"github.com/aptfleet/aptfleet/inventory"
)

// worker does the tasks that tasks.Worker pulls. What it needs of a rollout it reads
// once for each controller that has it: plans and decisions on hosts are journaled
// before those are begun.
type worker struct {
	app     *app
	config  atomic.Pointer[config.Config] // as it is now
	journal openJournal
	resize  func(hosts int) // how many are done at the same time; nil if that is fixed

	mu       sync.Mutex
	rollouts map[rolloutKey]*openRollout
}

func newWorker(in *installation, j openJournal) *worker {
	w := &worker{app: in.app, journal: j, rollouts: map[rolloutKey]*openRollout{}}
	w.config.Store(in.Config)
	return w
}

// watchReload reads the configuration again when it is asked to, and tells systemd that
// the worker ends.
func (w *worker) watchReload(ctx context.Context, hangup <-chan os.Signal) {
	for {
		select {
		case <-hangup:
			w.app.reload(w.config.Load(), w.reload)
		case <-ctx.Done():
			w.app.notify(sd.SdNotifyStopping)
			return
		}
	}
}

// reload has a configuration count for what is begun from now on.
func (w *worker) reload(old *config.Config, next *installation) error {
	_, err := next.allHosts()
	if err := errors.Join(fixed(old, next.Config, ofBus), next.readSchedules(), err); err != nil {
		return err
	}
	w.config.Store(next.Config)
	if w.resize != nil {
		w.resize(next.Rollout.Parallel)
	}
	return nil
}

type rolloutKey struct {
	rollout rollout.ID
	term    int
}

// openRollout is a rollout as a worker has it open.
type openRollout struct {
	hostWork
	hosts map[inventory.HostName]inventory.Host
	state *rollout.State // when it was opened
	open  func() error   // once

	turning   sync.Mutex
	returning *rollout.State // when its first host was to be taken back; nil before

	users  int         // tasks that use it; guarded by the worker's lock
	closes *time.Timer // while there are none
}

// keepOpenFor is how long a rollout stays open without a task.
const keepOpenFor = time.Minute

// do does one task.
func (w *worker) do(ctx context.Context, t tasks.Task, show func(hostjob.Progress)) (engine.Report, error) {
	s, done := w.acquire(rolloutKey{t.Rollout, t.Term})
	defer done()
	if err := s.open(); err != nil {
		return engine.Report{}, fmt.Errorf("%w: %w", tasks.ErrDeclined, err)
	}
	h, there := s.hosts[t.Host]
	if !there || h.Tunnel {
		return engine.Report{}, fmt.Errorf("%w: the worker's inventory has no such host, or it needs a tunnel", tasks.ErrDeclined)
	}
	defer func() { _ = s.conns.close(h.Name) }() // its connection has ended then, or soon will have
	known, err := s.known(ctx, t)
	if err != nil {
		return engine.Report{}, fmt.Errorf("%w: %w", tasks.ErrDeclined, err)
	}
	at := stepAttempt{t.Attempt, t.Begun, known.Before, left(known, t.Step)}
	if t.Verb == tasks.Prefetch {
		notes, err := s.fetch(ctx, h, at, show)
		return engine.Report{Notes: notes}, err
	}
	step := s.step(h, t.Step, at, show)
	if step == nil {
		return engine.Report{}, fmt.Errorf("%w: this aptfleet has no step %s", tasks.ErrDeclined, t.Step)
	}
	return tasks.Perform(ctx, t, step)
}

// acquire returns a rollout, which stays open until done is called.
func (w *worker) acquire(key rolloutKey) (s *openRollout, done func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s = w.rollouts[key]
	if s == nil {
		s = &openRollout{}
		s.open = sync.OnceValue(func() error {
			err := w.open(s, key.rollout)
			if err != nil {
				w.forget(key, s)
			}
			return err
		})
		w.rollouts[key] = s
	}
	s.users++
	if s.closes != nil {
		s.closes.Stop()
	}
	return s, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if s.users--; s.users == 0 {
			s.closes = time.AfterFunc(keepOpenFor, func() { w.closeIdle(key, s) })
		}
	}
}

// open reads what a worker has to know of a rollout. It is not cancelled with the
// task that needed it first.
func (w *worker) open(s *openRollout, id rollout.ID) error {
	state, err := w.journal.Read(context.Background(), id)
	if err != nil {
		return err
	}
	in := &installation{Config: w.config.Load(), app: w.app}
	hosts, err := in.allHosts()
	if err != nil {
		return err
	}
	s.state = state
	s.hosts = make(map[inventory.HostName]inventory.Host, len(hosts))
	for _, h := range hosts {
		s.hosts[h.Name] = h
	}
	s.hostWork = hostWork{in: in, id: id, spec: state.Spec, journal: w.journal, planned: plannedGroups(state)}
	s.conns, err = in.newConnections()
	return err
}

// known returns what the journal has of a task's host: of one that is to be taken back,
// how the way there has ended, which a term sees the end of on all hosts before it takes
// the first one back. So that is read once more, and no oftener.
func (s *openRollout) known(ctx context.Context, t tasks.Task) (rollout.HostState, error) {
	state := s.state
	if t.Verb == tasks.Undo {
		s.turning.Lock()
		defer s.turning.Unlock()
		if s.returning == nil {
			now, err := s.journal.Read(ctx, s.id)
			if err != nil {
				return rollout.HostState{}, err
			}
			s.returning = now
		}
		state = s.returning
	}
	known, _ := state.Host(t.Host)
	return known, nil
}

// forget has a rollout that could not be opened tried anew.
func (w *worker) forget(key rolloutKey, s *openRollout) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rollouts[key] == s {
		delete(w.rollouts, key)
	}
}

// closeIdle closes a rollout that nobody works on.
func (w *worker) closeIdle(key rolloutKey, s *openRollout) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.users > 0 || w.rollouts[key] != s {
		return
	}
	delete(w.rollouts, key)
	if err := s.close(); err != nil {
		w.app.log.Warn("cannot close the connections of a rollout", "rollout", string(key.rollout), "error", err)
	}
}

func (s *openRollout) close() error {
	if s.conns == nil {
		return nil
	}
	return s.conns.Close()
}

// close closes all rollouts, on which nobody works any more.
func (w *worker) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, s := range w.rollouts {
		s.closes.Stop()
		errs = append(errs, s.close())
	}
	clear(w.rollouts)
	return errors.Join(errs...)
}
