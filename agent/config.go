package agent

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// config is all that an agent is told, as it was when it was read.
type config struct {
	settings Settings
	probes   []health.Probe
	id       string // its public key
	ca       string // what the file has
	token    string // what the file has
}

// readConfig reads the files. All of it is right, or there is an error.
func readConfig(f Files) (config, error) {
	var c config
	var errs [3]error
	c.settings, errs[0] = LoadSettings(f.Settings)
	c.probes, errs[1] = LoadProbes(f.Probes)
	if c.id, errs[2] = f.public(machineID); errs[2] != nil {
		errs[2] = fmt.Errorf("cannot read the host's key: %w", errs[2])
	}
	if err := errors.Join(errs[:]...); err != nil {
		return c, err
	}
	ca, err := os.ReadFile(c.settings.CA)
	if err != nil {
		return c, fmt.Errorf("cannot read the certificate authority: %w", err)
	}
	token, err := os.ReadFile(f.Token)
	if err != nil {
		return c, fmt.Errorf("cannot read the token: %w", err)
	}
	c.ca, c.token = string(ca), strings.TrimSpace(string(token))
	return c, nil
}

// sameLink reports that a connection made by c would do for d.
func (c config) sameLink(d config) bool {
	return c.id == d.id && c.ca == d.ca && c.settings.CA == d.settings.CA && slices.Equal(c.settings.Servers, d.settings.Servers)
}

// sameProbes reports that d has nothing else to look at than c, as often.
func (c config) sameProbes(d config) bool {
	return c.settings.Interval == d.settings.Interval && slices.EqualFunc(c.probes, d.probes, func(p, q health.Probe) bool {
		return fmt.Sprintf("%+v", p) == fmt.Sprintf("%+v", q)
	})
}
