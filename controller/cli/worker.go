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

// crew does the tasks of a worker. What it needs of a rollout it reads once for each
// controller that has it: plans and decisions on hosts are journaled before those
// are begun.
type crew struct {
	app     *app
	config  atomic.Pointer[config.Config] // as it is now
	journal openJournal

	mu    sync.Mutex
	sites map[siteKey]*site
}

func newCrew(in *installation, j openJournal) *crew {
	c := &crew{app: in.app, journal: j, sites: map[siteKey]*site{}}
	c.config.Store(in.Config)
	return c
}

// attend reads the configuration again when it is asked to, and tells systemd that
// the worker ends.
func (c *crew) attend(ctx context.Context, hangup <-chan os.Signal) {
	for {
		select {
		case <-hangup:
			c.app.reload(c.config.Load(), c.reload)
		case <-ctx.Done():
			c.app.notify(sd.SdNotifyStopping)
			return
		}
	}
}

// reload has a configuration count for what is begun from now on.
func (c *crew) reload(old *config.Config, next *installation) error {
	_, err := next.hosts("")
	if err := errors.Join(fixed(old, next.Config, ofBus), next.readSchedules(), err); err != nil {
		return err
	}
	c.config.Store(next.Config)
	return nil
}

type siteKey struct {
	rollout rollout.ID
	term    int
}

// site is a rollout as a worker has it open.
type site struct {
	hostWork
	hosts map[inventory.HostName]inventory.Host
	open  func() error // once

	users  int         // tasks at work; guarded by the crew's lock
	closes *time.Timer // while there are none
}

// siteFor is how long a rollout stays open without a task.
const siteFor = time.Minute

// work does one task.
func (c *crew) work(ctx context.Context, t tasks.Task, show func(hostjob.Progress)) (engine.Report, error) {
	s, done := c.enter(siteKey{t.Rollout, t.Term})
	defer done()
	if err := s.open(); err != nil {
		return engine.Report{}, fmt.Errorf("%w: %w", tasks.ErrDeclined, err)
	}
	h, there := s.hosts[t.Host]
	if !there || h.Tunnel {
		return engine.Report{}, fmt.Errorf("%w: the worker's inventory has no such host, or it needs a tunnel", tasks.ErrDeclined)
	}
	defer func() { _ = s.conns.close(h.Name) }() // its connection has ended then, or soon will have
	at := stepAttempt{t.Attempt, t.Begun}
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

// enter returns a rollout, which stays open until done is called.
func (c *crew) enter(key siteKey) (s *site, done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s = c.sites[key]
	if s == nil {
		s = &site{}
		s.open = sync.OnceValue(func() error {
			err := c.open(s, key.rollout)
			if err != nil {
				c.forget(key, s)
			}
			return err
		})
		c.sites[key] = s
	}
	s.users++
	if s.closes != nil {
		s.closes.Stop()
	}
	return s, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if s.users--; s.users == 0 {
			s.closes = time.AfterFunc(siteFor, func() { c.leave(key, s) })
		}
	}
}

// open reads what a worker has to know of a rollout. It is not cancelled with the
// task that needed it first.
func (c *crew) open(s *site, id rollout.ID) error {
	state, err := c.journal.Read(context.Background(), id)
	if err != nil {
		return err
	}
	in := &installation{Config: c.config.Load(), app: c.app}
	hosts, err := in.hosts("")
	if err != nil {
		return err
	}
	s.hosts = make(map[inventory.HostName]inventory.Host, len(hosts))
	for _, h := range hosts {
		s.hosts[h.Name] = h
	}
	s.hostWork = hostWork{in: in, id: id, spec: state.Spec, journal: c.journal, planned: plannedGroups(state)}
	s.conns, err = in.newConnections()
	return err
}

// forget has a rollout that could not be opened tried anew.
func (c *crew) forget(key siteKey, s *site) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sites[key] == s {
		delete(c.sites, key)
	}
}

// leave closes a rollout that nobody works on.
func (c *crew) leave(key siteKey, s *site) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.users > 0 || c.sites[key] != s {
		return
	}
	delete(c.sites, key)
	if err := s.close(); err != nil {
		c.app.log.Warn("cannot close the connections of a rollout", "rollout", string(key.rollout), "error", err)
	}
}

func (s *site) close() error {
	if s.conns == nil {
		return nil
	}
	return s.conns.Close()
}

// close closes all rollouts, on which nobody works any more.
func (c *crew) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, s := range c.sites {
		s.closes.Stop()
		errs = append(errs, s.close())
	}
	clear(c.sites)
	return errors.Join(errs...)
}
