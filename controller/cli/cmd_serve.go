package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/reports"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon: API, schedules, repository, notifications",
		Long: `Run the daemon until it is stopped. It has the state folder, so commands on this
machine go through it, by the socket api.sock there; rollouts go on in it when the
command that began them is interrupted. It resumes what a daemon or command that
died has left, runs the schedules, answers the API at server.listen, serves the repository's files at
server.repository, and tells those of [[notify]] how rollouts go.

SIGHUP reads the configuration again: all of it, or, if anything in it can't be
meant, nothing. The inventory is read for each rollout anyway. SIGTERM takes nothing
new, lets hosts that are worked on finish, for up to a minute, and leaves the rest
to the next daemon. Under systemd it tells when it is ready, and is watched.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(cmd *cobra.Command, _ []string, in *installation) error {
			return in.serve(cmd.Context())
		}),
	}
}

// serve runs the daemon until ctx ends.
func (in *installation) serve(ctx context.Context) (err error) {
	if err := in.checkConfig(); err != nil {
		return err
	}
	setGCPercent(bus.Garbage)
	o := bus.Options{State: in.State, Log: in.app.log}
	if cfg := in.Bus; cfg.Listen != "" {
		o.Listen = &bus.Listen{Address: cfg.Listen, Names: cfg.Names, Certificate: cfg.TLSCert, Key: cfg.TLSKey}
	}
	j, err := in.openJournal(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	if c := in.client(ctx); c != nil { // with a bus elsewhere, nobody has to have the state folder
		return fmt.Errorf("cannot serve: a daemon answers at %s", filepath.Join(in.State, socketName))
	}
	s, err := newService(ctx, in, j)
	if err != nil {
		return err
	}
	defer s.daemon.leases.Close()
	dispatcher, closeDispatcher, err := openDispatcher(j, in)
	if err != nil {
		return err
	}
	s.daemon.dispatcher = dispatcher
	defer closeDispatcher()
	if len(in.Bus.Agents()) > 0 {
		heard, err := reports.Open(ctx, j.bus, in.app.log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, heard.Close()) }()
		s.daemon.reports = heard
	}
	return s.run(ctx)
}

// checkConfig reads all that the configuration names, so that a daemon does not
// find out when a schedule is due what is wrong with it.
func (in *installation) checkConfig() error {
	_, err := in.allHosts()
	if err != nil { // of schedules no more can be said than what their words are
		err = errors.Join(err, in.readSchedules())
	} else {
		err = in.checkSchedules()
	}
	if cert := in.Server.TLSCert; cert != "" {
		if bad := new(server.Certificate).Load(cert, in.Server.TLSKey); bad != nil {
			err = errors.Join(err, in.Errorf(tomlfile.Key{"server", "tls_cert"}, "%w", bad))
		}
	}
	return err
}

// sighups yields each SIGHUP until stop is called.
func sighups() (c <-chan os.Signal, stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals, func() { signal.Stop(signals) }
}
