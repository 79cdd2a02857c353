package cli

import (
	"errors"
	"fmt"
	"strings"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"github.com/aptfleet/aptfleet/controller/config"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// reload reads the configuration again in a process that stays, and tells systemd
// and the log. take checks it as a whole before any of it counts; where it refuses,
// everything stays with the old one.
func (a *app) reload(old *config.Config, take func(old *config.Config, next *installation) error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err == nil {
		a.notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", sd.SdNotifyReloading, now.Nano()/1000))
	}
	defer a.notify(sd.SdNotifyReady)
	next, err := config.Load(old.Path)
	if err == nil {
		err = take(old, &installation{Config: next, app: a})
	}
	if err != nil {
		a.log.Error("the configuration stays as it was", "error", err)
		return
	}
	a.log.Info("the configuration was read again")
}

// notify tells systemd, where it runs the process.
func (a *app) notify(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		a.log.Warn("cannot tell systemd", "state", state, "error", err)
	}
}

// setting is one that cannot change while a process runs that has open what it names.
type setting struct {
	key tomlfile.Key
	of  func(*config.Config) string
}

var (
	ofBus = []setting{
		{tomlfile.Key{"state"}, func(c *config.Config) string { return c.State }},
		{tomlfile.Key{"bus", "url"}, func(c *config.Config) string { return strings.Join(c.Bus.URL, ",") }},
		{tomlfile.Key{"bus", "credentials"}, func(c *config.Config) string { return c.Bus.Credentials }},
		{tomlfile.Key{"bus", "ca"}, func(c *config.Config) string { return c.Bus.CA }},
	}
	ofDaemon = []setting{
		{tomlfile.Key{"bus", "listen"}, func(c *config.Config) string { return c.Bus.Listen }},
		{tomlfile.Key{"bus", "names"}, func(c *config.Config) string { return strings.Join(c.Bus.Names, ",") }},
		{tomlfile.Key{"bus", "tls_cert"}, func(c *config.Config) string { return c.Bus.TLSCert }},
		{tomlfile.Key{"bus", "tls_key"}, func(c *config.Config) string { return c.Bus.TLSKey }},
		{tomlfile.Key{"server", "listen"}, func(c *config.Config) string { return c.Server.Listen }},
		{tomlfile.Key{"server", "repository"}, func(c *config.Config) string { return c.Server.Repository }},
		{tomlfile.Key{"server", "tls_cert"}, func(c *config.Config) string { return onOff(c.Server.TLSCert) }},
	}
)

// fixed refuses to change settings.
func fixed(old, next *config.Config, settings []setting) error {
	var errs []error
	for _, s := range settings {
		if was, is := s.of(old), s.of(next); was != is {
			errs = append(errs, next.Errorf(s.key, "cannot change from %q to %q while this process runs: restart it", was, is))
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
