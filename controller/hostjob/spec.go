package hostjob

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/aptfleet/aptfleet/pkg/debian"
)

// Mode is which command of apt a job runs.
type Mode string

// The modes.
const (
	Install     Mode = "install"      // the packages named, new ones too
	OnlyUpgrade Mode = "only-upgrade" // of the packages named, those that are installed
	DistUpgrade Mode = "dist-upgrade" // everything, from every source; takes no packages
	Exact       Mode = "exact"        // the changes, and nothing else: refused if apt would do more, or the host is another
	Prefetch    Mode = "prefetch"     // fetches what the changes bring, and what they take away if it can; installs nothing
)

// Refresh is which of apt's lists are fetched anew before the installation.
type Refresh string

// The refreshes. With all but RefreshAll the installation uses our source
// alone, and widens to all of them by itself where that is not enough.
const (
	RefreshOurs Refresh = "ours" // our source; what "" means
	RefreshAll  Refresh = "all"  // every source; ours must succeed, others may fail
	RefreshNone Refresh = "none" // no list: they are as an earlier job left them
)

// Conffiles is what happens to a configuration file that was edited on the host
// and is new in the package.
type Conffiles string

// The policies for edited configuration files.
const (
	KeepConffiles Conffiles = "keep" // the edited file stays, the new one lies beside it; what "" means
	NewConffiles  Conffiles = "new"  // the package's file, the edited one lies beside it
)

// conffileOptions are dpkg's --force options for each policy.
var conffileOptions = map[Conffiles][]string{
	KeepConffiles: {"confdef", "confold"},
	NewConffiles:  {"confnew"},
}

// Target is a package that a job is asked for.
type Target struct {
	Name    string // with ":arch" if of another architecture than the host's
	Version string // exact; "" is the newest that the host's apt would take
	Absent  bool   // it is to be removed; mode install only, and without a version
}

// String returns the target as apt takes it.
func (t Target) String() string {
	switch {
	case t.Absent:
		return t.Name + "-"
	case t.Version == "":
		return t.Name
	}
	return t.Name + "=" + t.Version
}

// Spec is what a job is asked to do. It is written to the host when the job
// starts and never changes: another spec under the same ID is refused.
type Spec struct {
	ID string // of letters, digits, "-", "_" and "."; unique on the host for all time

	// Owner holds the host's lease while the job is followed. Who may attach to
	// each other's jobs shares it: it usually names the rollout.
	Owner string

	Mode            Mode
	Packages        []Target
	Changes         []Change // of modes exact and prefetch, which take no packages
	Manual          []string // exact: packages that somebody asks for; all others keep their marks
	AnyOld          bool     // exact: whatever there is now in the place of the Old of changes; to go back
	AllowDowngrades bool
	AllowHeld       bool // packages on hold may be changed, and stay on hold
	Refresh         Refresh
	Conffiles       Conffiles
	LockTimeout     time.Duration // how long apt and dpkg wait for each other; 0 is 5 minutes

	// Proxy is a way to our repository for hosts that have none, "" for the
	// others. Like Owner it is no part of what is asked: whoever attaches brings
	// its own.
	Proxy Proxy

	ReattachFor time.Duration // how long to try to reach a host again; 0 is 10 minutes
}

// Proxy is an HTTP proxy that apt asks for what it wants of one host, by plain
// HTTP (apt-transport-http(1)).
type Proxy struct {
	For string // name or address of the repository's host
	URL string // of the proxy, as the host reaches it
}

// option returns the proxy as apt's option, without blanks.
func (p Proxy) option() string {
	if p == (Proxy{}) {
		return ""
	}
	return "Acquire::http::Proxy::" + p.For + "=" + p.URL
}

// withDefaults returns the spec with its zero values filled in.
func (s Spec) withDefaults() Spec {
	if s.Refresh == "" {
		s.Refresh = RefreshOurs
	}
	if s.Conffiles == "" {
		s.Conffiles = KeepConffiles
	}
	if s.LockTimeout == 0 {
		s.LockTimeout = 5 * time.Minute
	}
	if s.ReattachFor == 0 {
		s.ReattachFor = 10 * time.Minute
	}
	return s
}

// Validate reports the first thing that is wrong with a spec.
func (s Spec) Validate() error {
	s = s.withDefaults()
	switch {
	case !isWord(s.ID) || strings.HasPrefix(s.ID, "."):
		return fmt.Errorf("cannot use job id %q: it must be made of letters, digits, '-', '_' and '.'", s.ID)
	case s.Owner == "" || strings.ContainsFunc(s.Owner, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return fmt.Errorf("cannot use owner %q of job %s: it must be one word", s.Owner, s.ID)
	case s.Refresh != RefreshOurs && s.Refresh != RefreshAll && s.Refresh != RefreshNone:
		return fmt.Errorf("cannot use refresh %q of job %s: it is neither ours, all nor none", s.Refresh, s.ID)
	case conffileOptions[s.Conffiles] == nil:
		return fmt.Errorf("cannot use conffile policy %q of job %s: it is neither keep nor new", s.Conffiles, s.ID)
	case strings.ContainsFunc(s.Proxy.option(), unicode.IsSpace):
		return fmt.Errorf("cannot use proxy %q of job %s", s.Proxy.option(), s.ID)
	case s.LockTimeout < time.Second || s.ReattachFor < 0:
		return fmt.Errorf("cannot use time limits %v and %v of job %s", s.LockTimeout, s.ReattachFor, s.ID)
	}
	return s.validatePackages()
}

func (s Spec) validatePackages() error {
	if len(s.Changes)+len(s.Manual) > 0 && s.Mode != Exact && s.Mode != Prefetch {
		return fmt.Errorf("cannot use changes in job %s: mode %s takes packages", s.ID, s.Mode)
	}
	switch s.Mode {
	case Install, OnlyUpgrade:
		if len(s.Packages) == 0 {
			return fmt.Errorf("cannot %s nothing: job %s names no package", s.Mode, s.ID)
		}
	case Exact, Prefetch:
		return s.validateChanges()
	case DistUpgrade:
		if len(s.Packages) != 0 {
			return fmt.Errorf("cannot dist-upgrade %s alone: job %s must name no package", s.Packages[0].Name, s.ID)
		}
	default:
		return fmt.Errorf("cannot use mode %q of job %s: it is neither install, only-upgrade, dist-upgrade, exact nor prefetch", s.Mode, s.ID)
	}
	for _, t := range s.Packages {
		err := t.validate()
		if t.Absent && (s.Mode != Install || t.Version != "") {
			err = errors.New("only mode install removes, and whatever version there is")
		}
		if err != nil {
			return fmt.Errorf("cannot use package %q of job %s: %w", t, s.ID, err)
		}
	}
	return nil
}

func (t Target) validate() error {
	name, arch, foreign := strings.Cut(t.Name, ":")
	if err := debian.ValidatePackageName(name); err != nil {
		return err
	}
	if foreign {
		if err := debian.ValidateArchitecture(arch); err != nil {
			return err
		}
	}
	if t.Version == "" {
		return nil
	}
	return debian.ValidateVersion(t.Version)
}

func isWord(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}
