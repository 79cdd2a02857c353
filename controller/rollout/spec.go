package rollout

import (
	"errors"
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
)

// Mode is what apt is asked to do.
type Mode string

// The modes, in apt's own words.
const (
	Install     Mode = "install"
	OnlyUpgrade Mode = "only-upgrade" // hosts without the package are left without it
	DistUpgrade Mode = "dist-upgrade" // everything; names no package
)

// Reboot says when hosts are restarted. The zero value is never.
type Reboot string

// RebootIfRequired restarts a host where what is installed asks for it.
const RebootIfRequired Reboot = "if-required"

// Package is one package to be rolled out. Without a Version it is the
// candidate that apt finds.
type Package struct {
	Name    string
	Version string
}

// String returns the package as apt takes it: name or name=version.
func (p Package) String() string {
	if p.Version == "" {
		return p.Name
	}
	return p.Name + "=" + p.Version
}

// Spec is what was asked for. It never changes once the rollout is created.
type Spec struct {
	Mode     Mode
	Packages []Package
	Suite    string // of the repository; "" is whatever the hosts have
	Selector string // what was typed; Hosts is what it meant then
	Hosts    []inventory.HostName
	Canaries []inventory.HostName   // of Hosts, those to begin with
	Pairs    [][]inventory.HostName // of Hosts, those of which never two are worked on at once
	Policy   Policy
	Planned  bool // no host is begun before a plan is approved
	Allow    Allowance
	Reboot   Reboot // after apt
	Who      string
	When     time.Time
	Command  []string // the command line, as typed
}

// Validate reports the first thing that makes the spec impossible to carry out.
func (s Spec) Validate() error {
	if err := s.validatePackages(); err != nil {
		return err
	}
	if err := s.Policy.Validate(); err != nil {
		return err
	}
	if s.Reboot != "" && s.Reboot != RebootIfRequired {
		return fmt.Errorf("unknown way to reboot %q: want %s", s.Reboot, RebootIfRequired)
	}
	return s.validateHosts()
}

func (s Spec) validatePackages() error {
	switch s.Mode {
	case Install, OnlyUpgrade:
		if len(s.Packages) == 0 {
			return fmt.Errorf("mode %s needs at least one package", s.Mode)
		}
	case DistUpgrade:
		if len(s.Packages) > 0 {
			return fmt.Errorf("mode %s takes no packages, but %s is given", s.Mode, s.Packages[0])
		}
	default:
		return fmt.Errorf("unknown mode %q: want %s, %s or %s", s.Mode, Install, OnlyUpgrade, DistUpgrade)
	}
	named := make(map[string]bool, len(s.Packages))
	for _, p := range s.Packages {
		switch {
		case p.Name == "":
			return errors.New("a package has no name")
		case named[p.Name]:
			return fmt.Errorf("package %s is named twice", p.Name)
		}
		named[p.Name] = true
	}
	return nil
}

func (s Spec) validateHosts() error {
	if len(s.Hosts) == 0 {
		return errors.New("no host is selected")
	}
	seen := make(map[inventory.HostName]bool, len(s.Hosts))
	for _, h := range s.Hosts {
		if h == "" || seen[h] {
			return fmt.Errorf("host %q is named twice or has no name", h)
		}
		seen[h] = true
	}
	return s.validateOrder(seen)
}

// validateOrder refuses canaries that take no part, and a host with two pairs.
func (s Spec) validateOrder(takesPart map[inventory.HostName]bool) error {
	for _, h := range s.Canaries {
		if !takesPart[h] {
			return fmt.Errorf("canary %q takes no part", h)
		}
	}
	paired := map[inventory.HostName]bool{}
	for _, pair := range s.Pairs {
		for _, h := range pair {
			if !takesPart[h] || paired[h] {
				return fmt.Errorf("host %q of a pair takes no part or is in two", h)
			}
			paired[h] = true
		}
	}
	return nil
}
