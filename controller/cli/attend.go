package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"github.com/aptfleet/aptfleet/controller/config"
)

// attend tells systemd how the daemon is, sees that its store works, and reads
// the configuration again when it is asked to.
func (s *service) attend(ctx context.Context) error {
	hangup, stop := hangups()
	defer stop()
	pulse := time.NewTicker(beat())
	defer pulse.Stop()
	s.notify(sd.SdNotifyReady)
	for {
		select {
		case <-hangup:
			s.reload()
		case <-pulse.C:
			if err := s.alive(ctx); err != nil {
				return err
			}
			s.notify(sd.SdNotifyWatchdog)
		case <-ctx.Done():
			s.notify(sd.SdNotifyStopping)
			return nil
		}
	}
}

// beat is how often the store is looked at: often enough for systemd's watchdog.
func beat() time.Duration {
	const usual = 10 * time.Second
	limit, err := sd.SdWatchdogEnabled(false)
	if err != nil || limit == 0 {
		return usual
	}
	return min(usual, limit/3)
}

// alive reports why the daemon can't go on, if it can't: with a store that has
// failed it only can begin anew.
func (s *service) alive(ctx context.Context) error {
	bus := s.daemon.journal.bus
	ctx, cancel := context.WithTimeout(ctx, beat())
	defer cancel()
	_, err := bus.JetStream().AccountInfo(ctx)
	if failure := bus.Failure(); failure != nil {
		return fmt.Errorf("the store has failed: %w", failure)
	}
	if err != nil && ctx.Err() == nil {
		s.in.app.log.Warn("the bus does not answer", "error", err)
	}
	return nil
}

func (s *service) notify(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		s.in.app.log.Warn("cannot tell systemd", "state", state, "error", err)
	}
}

// reload goes on with the configuration as it is now, or stays with the old one.
func (s *service) reload() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err == nil {
		s.notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", sd.SdNotifyReloading, now.Nano()/1000))
	}
	defer s.notify(sd.SdNotifyReady)
	if err := s.replace(); err != nil {
		s.in.app.log.Error("the configuration stays as it was", "error", err)
		return
	}
	s.in.app.log.Info("the configuration was read again")
}

// replace checks the configuration as a whole before any of it counts.
func (s *service) replace() error {
	old := s.daemon.config.Load()
	cfg, err := config.Load(old.Path)
	if err != nil {
		return err
	}
	next := &installation{Config: cfg, app: s.in.app}
	if err := errors.Join(fixed(old, cfg), next.checkWhole()); err != nil {
		return err
	}
	if cfg.Server.TLSCert != "" {
		if err := s.certificate.Load(cfg.Server.TLSCert, cfg.Server.TLSKey); err != nil {
			return err
		}
	}
	s.daemon.config.Store(cfg)
	s.notifying.replace(cfg.Notify)
	s.runner.Replace(next.schedules())
	return nil
}

// fixed refuses to change under a running daemon what it has open.
func fixed(old, next *config.Config) error {
	var errs []error
	for _, setting := range []struct{ key, old, next string }{
		{"state", old.State, next.State},
		{"bus.url", strings.Join(old.Bus.URL, ","), strings.Join(next.Bus.URL, ",")},
		{"bus.listen", old.Bus.Listen, next.Bus.Listen},
		{"server.listen", old.Server.Listen, next.Server.Listen},
		{"server.repository", old.Server.Repository, next.Server.Repository},
		{"server.tls_cert", onOff(old.Server.TLSCert), onOff(next.Server.TLSCert)},
	} {
		if setting.old != setting.next {
			errs = append(errs, fmt.Errorf("%s: %s cannot change from %q to %q while the daemon runs: restart it", next.Path, setting.key, setting.old, setting.next))
		}
	}
	return errors.Join(errs...)
}

// onOff tells whether there is a setting, whose value may change.
func onOff(value string) string {
	if value == "" {
		return ""
	}
	return "set"
}
