package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/aptfleet/aptfleet/controller/config"
)

// watchdog tells systemd how the daemon is, sees that its store works, and reads
// the configuration again when it is asked to.
func (s *service) watchdog(ctx context.Context) error {
	hangup, stop := sighups()
	defer stop()
	pulse := time.NewTicker(beat())
	defer pulse.Stop()
	s.in.app.notify(sd.SdNotifyReady)
	for {
		select {
		case <-hangup:
			s.reload()
		case <-pulse.C:
			if err := s.alive(ctx); err != nil {
				return err
			}
			s.in.app.notify(sd.SdNotifyWatchdog)
		case <-ctx.Done():
			s.in.app.notify(sd.SdNotifyStopping)
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

// reload goes on with the configuration as it is now, or stays with the old one.
func (s *service) reload() {
	s.in.app.reload(s.daemon.config.Load(), func(old *config.Config, next *installation) error {
		if err := errors.Join(fixed(old, next.Config, slices.Concat(ofBus, ofDaemon)), next.checkConfig()); err != nil {
			return err
		}
		if next.Server.TLSCert != "" {
			if err := s.certificate.Load(next.Server.TLSCert, next.Server.TLSKey); err != nil {
				return err
			}
		}
		s.daemon.config.Store(next.Config)
		s.notifications.replace(next.Notify)
		s.runner.Replace(next.schedules())
		next.warnOfCertificates()
		return nil
	})
}
