package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/aptfleet/aptfleet/controller/access"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/lease"
	"github.com/aptfleet/aptfleet/controller/schedule"
	"github.com/aptfleet/aptfleet/controller/schedule/store"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/packaging/aptrepo"
)

// service is all that runs in a daemon's process, around the daemon.
type service struct {
	in            *installation
	daemon        *daemon
	certificate   server.Certificate
	notifications *notifications
	runner        *schedule.Runner

	going sync.WaitGroup // what daemon.spawn began
	spawn chan func(context.Context)
}

func newService(ctx context.Context, in *installation, j openJournal) (*service, error) {
	s := &service{in: in, spawn: make(chan func(context.Context))}
	s.daemon = newDaemon(in.app.log, in.Config, j, func(do func(context.Context)) { s.spawn <- do })
	s.notifications = &notifications{journal: j.Journal, log: in.app.log, targets: in.Notify}
	var err error
	if s.daemon.leases, err = lease.Open(ctx, j.bus, author()); err != nil {
		return nil, err
	}
	b, err := store.Open(ctx, j.bus)
	if err != nil {
		return nil, err
	}
	s.runner = schedule.NewRunner(b, scheduledRollouts{journal: j, installation: s.daemon.installation}, author(), in.schedules())
	s.runner.Log = in.app.log
	s.runner.Notice = s.recordNotBegun
	if in.Server.TLSCert != "" {
		if err := s.certificate.Load(in.Server.TLSCert, in.Server.TLSKey); err != nil {
			return nil, err
		}
	}
	return s, os.MkdirAll(s.scratch(), 0o700)
}

// scratch is the folder for uploads, on the disk of the state folder.
func (s *service) scratch() string { return filepath.Join(s.in.State, "uploads") }

// run runs everything until ctx ends or one of it breaks. Listeners open last:
// who connects finds what was left running again.
func (s *service) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() { cancel(server.ErrEnding) })
	defer stop()
	open, err := s.daemon.reserveUnfinished(ctx)
	if err != nil {
		return err
	}
	if err := server.CleanUploads(s.scratch()); err != nil {
		return err
	}
	listeners, err := s.listeners()
	if err != nil {
		return err
	}
	var g errgroup.Group
	part := func(run func(context.Context) error) {
		g.Go(func() error {
			err := run(ctx)
			cancel(server.ErrEnding) // without one of its parts it is no daemon
			return err
		})
	}
	part(s.runSpawned)
	part(func(ctx context.Context) error { return s.api().Serve(ctx, listeners) })
	part(s.notifications.run)
	part(s.watchdog)
	part(s.certificates)
	part(s.schedules)
	part(s.summaries)
	part(newTakeover(s.daemon).run)
	for _, id := range open {
		s.spawn <- func(ctx context.Context) { s.daemon.resume(ctx, id) }
	}
	return g.Wait()
}

// recordNotBegun has the history, and those who are notified, know of a run of which
// there is no rollout that would tell. If the daemon dies right before, only
// "schedule list" does.
func (s *service) recordNotBegun(run schedule.Run) {
	a := journal.Action{By: run.By, Did: journal.SkippedRun, What: run.Schedule, Error: run.Text}
	switch {
	case run.Outcome == schedule.Skipped:
	case run.Outcome == schedule.Missed:
		a.Error = fmt.Sprintf("%s was missed: %s", run, run.Text)
	case run.Outcome == schedule.Failed && run.Rollout == "":
		a.Did = journal.FailedRun
	default:
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.daemon.journal.Record(ctx, a); err != nil {
		s.in.app.log.Error("cannot record what became of a run of a schedule", "schedule", run.Schedule, "error", err)
	}
}

// schedules begins what is due, as long as no other controller does.
func (s *service) schedules(ctx context.Context) error {
	s.daemon.leases.Lead(ctx, "schedules", s.in.app.log, func(ctx context.Context) {
		s.runner.Replace(s.daemon.installation("").schedules()) // and looks at what another one has begun
		s.runner.Run(ctx)
	})
	return nil
}

// shutdownGrace is how long hosts that are worked on may take to finish when the
// daemon ends. Those that take longer go on alone, and the next daemon attaches.
const shutdownGrace = time.Minute

// runSpawned begins what is to be done in the daemon's life, and waits for it.
func (s *service) runSpawned(ctx context.Context) error {
	for {
		select {
		case do := <-s.spawn:
			life, end := daemonContext(ctx)
			s.going.Go(func() {
				defer end()
				do(life)
			})
		case <-ctx.Done():
			return s.drain()
		}
	}
}

// daemonContext returns the context of what is done as long as the daemon lives: its end
// has server.ErrEnding as its cause.
func daemonContext(ctx context.Context) (context.Context, func()) {
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { end(server.ErrEnding) })
	return life, func() { stop(); end(nil) }
}

// drain waits for what is under way, but not for ever.
func (s *service) drain() error {
	done := make(chan struct{})
	go func() { // if it is not over in time, it ends with the process
		s.going.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(shutdownGrace):
		s.in.app.log.Warn("hosts that are worked on are left to themselves; the next daemon attaches to them")
	}
	return nil
}

// listeners opens all listeners, so that one that cannot be opened ends the daemon before
// it has done anything.
func (s *service) listeners() (l server.Listeners, err error) {
	in := s.in
	if l.Local, err = server.ListenLocal(filepath.Join(in.State, socketName)); err != nil {
		return l, err
	}
	if in.Server.Listen != "" {
		if l.Remote, err = listenAt(in.Server.Listen); err != nil {
			return l, err
		}
		if in.Server.TLSCert != "" {
			l.Remote = tls.NewListener(l.Remote, s.certificate.Config())
		}
		in.app.log.Info("the API answers", "address", l.Remote.Addr().String())
	}
	if in.Server.Repository != "" {
		if l.Files, err = listenAt(in.Server.Repository); err != nil {
			return l, err
		}
		l.FileHandler = http.HandlerFunc(s.serveFile)
		in.app.log.Info("the repository is served", "address", l.Files.Addr().String())
	}
	return l, nil
}

func listenAt(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot serve: %w", err)
	}
	return l, nil
}

// serveFile answers with a file of the repository, which may be made after the
// daemon began.
func (s *service) serveFile(w http.ResponseWriter, r *http.Request) {
	repository, err := s.daemon.installation("").readRepository()
	switch {
	case errors.Is(err, aptrepo.ErrNoRepository):
		http.NotFound(w, r)
	case err != nil:
		s.in.app.log.Error("cannot serve the repository", "error", err)
		http.Error(w, "cannot open the repository", http.StatusInternalServerError)
	default:
		repository.Handler().ServeHTTP(w, r)
	}
}

// api returns the API of the daemon.
func (s *service) api() *server.Server {
	d := s.daemon
	version, err := encode(thisVersion())
	if err != nil {
		panic(err) // three strings
	}
	return server.New(server.Options{
		Version: version, Rollouts: daemonRollouts{d}, Hosts: daemonHosts{d}, Agents: daemonAgents{d},
		Repository: daemonRepository{d}, Schedules: daemonSchedules{d, s.runner}, History: daemonHistory{d},
		Metrics: server.NewMetrics(s.metricParts()), Scratch: s.scratch(), Log: s.in.app.log,
		Tokens: func() access.Tokens { return d.config.Load().Server.Tokens },
	})
}
