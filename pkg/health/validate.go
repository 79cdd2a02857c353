package health

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/aptfleet/aptfleet/pkg/debian"
	"github.com/aptfleet/aptfleet/pkg/lazyregexp"
)

// template is a place in Probe.Contains that a version takes.
var template = lazyregexp.New(`\{version:([^{}]*)\}`)

// unitName is that of a systemd unit, with its type (systemd.unit(5)).
var unitName = lazyregexp.New(`^[A-Za-z0-9:_\\@][A-Za-z0-9:_.\\@-]*\.(service|socket|target|timer|mount|automount|path|slice|scope|swap|device)$`)

// Bounds of what a probe may say.
const (
	maxName     = 512     // bytes of Probe.Name
	maxContains = 4 << 10 // bytes of Probe.Contains
)

// Validate reports the first thing in the probe that cannot be meant.
func (p Probe) Validate() error {
	if len(p.Name()) > maxName || strings.ContainsFunc(p.Target, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("%.40q is longer than %d bytes or has unprintable characters", p.Target, maxName)
	}
	if p.Timeout < 0 || p.Timeout > MaxTimeout {
		return fmt.Errorf("timeout must be between 0s and %v, is %v", MaxTimeout, p.Timeout)
	}
	switch p.Kind {
	case Package:
		return debian.ValidatePackageName(p.Target)
	case Unit:
		return validateUnit(p.Target)
	case HTTP:
		return p.validateHTTP()
	case TCP:
		return validateAddress(p.Target)
	case Disk:
		return p.validateDisk()
	case Memory, Clock:
		return p.validateOnly()
	case Command:
		return p.validateCommand()
	}
	return fmt.Errorf("unknown kind of probe %q", string(p.Kind))
}

func validateUnit(name string) error {
	if !unitName().MatchString(name) {
		return fmt.Errorf("%q is no unit of systemd: want its whole name, such as shop-web.service", name)
	}
	return nil
}

func (p Probe) validateHTTP() error {
	u, err := url.Parse(p.Target)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no URL", p.Target)
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return fmt.Errorf("%q is no URL of the form http://HOST[:PORT]/PATH", p.Target)
	case u.User != nil:
		return errors.New("the URL has a user in it, which would end up in messages")
	case len(p.Contains) > maxContains:
		return fmt.Errorf("contains: it is longer than %d bytes", maxContains)
	case p.Status != 0 && (p.Status < 100 || p.Status > 599):
		return fmt.Errorf("%d is no status of HTTP", p.Status)
	}
	for _, name := range p.Packages() {
		if err := debian.ValidatePackageName(name); err != nil {
			return fmt.Errorf("contains: %w", err)
		}
	}
	if rest := template().ReplaceAllString(p.Contains, ""); strings.Contains(rest, "{version") {
		return errors.New("contains: want {version:PACKAGE}")
	}
	return nil
}

func validateAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	number, notNumber := strconv.ParseUint(port, 10, 16)
	if err != nil || host == "" || notNumber != nil || number == 0 {
		return fmt.Errorf("%q is no HOST:PORT", address)
	}
	return nil
}

func (p Probe) validateDisk() error {
	if !path.IsAbs(p.Target) || path.Clean(p.Target) != p.Target {
		return fmt.Errorf("%q must be the absolute path of a folder, without . and .. in it", p.Target)
	}
	if p.MinFree <= 0 {
		return errors.New("min_free must be more than 0")
	}
	return nil
}

// validateOnly checks a probe of which a host has one.
func (p Probe) validateOnly() error {
	switch {
	case p.Kind == Memory && p.MinFree <= 0:
		return errors.New("min_available must be more than 0")
	case p.Kind == Clock && (p.MaxSkew <= 0 || p.MaxSkew > MaxSkew):
		return fmt.Errorf("max_skew must be more than 0s and at most %v, is %v", MaxSkew, p.MaxSkew)
	case p.Target != NewMemory(0).Target && p.Kind == Memory, p.Target != NewClock(0).Target && p.Kind == Clock:
		return fmt.Errorf("%q is not what a probe for %s looks at", p.Target, p.Kind)
	}
	return nil
}

func (p Probe) validateCommand() error {
	if len(p.Argv) == 0 || p.Argv[0] == "" || strings.HasPrefix(p.Argv[0], "-") {
		return errors.New("no program is named")
	}
	if slices.ContainsFunc(p.Argv, func(w string) bool { return strings.ContainsRune(w, 0) }) {
		return errors.New("a word has a zero byte in it")
	}
	if p.Target != NewCommand(p.Argv...).Target {
		return fmt.Errorf("%q does not name the command", p.Target)
	}
	return nil
}

// ValidateAll reports the first probe of a host that cannot be meant, or that
// there are too many or two of one name.
func ValidateAll(probes []Probe) error {
	if len(probes) > MaxProbes {
		return fmt.Errorf("%d probes are more than %d", len(probes), MaxProbes)
	}
	seen := make(map[string]bool, len(probes))
	for _, p := range probes {
		if err := p.Validate(); err != nil {
			return fmt.Errorf("%s: %w", p.Name(), err)
		}
		if seen[p.Name()] {
			return fmt.Errorf("%s: it is there twice", p.Name())
		}
		seen[p.Name()] = true
	}
	return nil
}
