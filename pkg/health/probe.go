package health

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is what a Probe looks at.
type Kind string

// The kinds of probe.
const (
	Package Kind = "package" // is installed, and dpkg is done with it
	Unit    Kind = "unit"    // systemd has it active
	HTTP    Kind = "http"    // answers as expected
	TCP     Kind = "tcp"     // takes connections
	Disk    Kind = "disk"    // has room
	Memory  Kind = "memory"  // has some left
	Clock   Kind = "clock"   // goes as the reader's does
	Command Kind = "command" // exits with 0
)

// Bounds of what a host may be asked.
const (
	MaxProbes      = 64 // a host
	DefaultTimeout = 5 * time.Second
	MaxTimeout     = time.Minute
	MaxSkew        = time.Hour // that a clock may be allowed; it is wrong beyond
)

// Probe is one thing to look at on a host. Kind and Target say which, and two
// probes of a host never share both.
type Probe struct {
	Kind   Kind
	Target string // the package, unit, URL, host:port or folder; of a command all its words, see NewCommand; else see NewMemory and NewClock

	Status   int           // HTTP: the wanted status; 0 is any from 200 to 299
	Contains string        // HTTP: what the answer's body must have in it; {version:PACKAGE} stands for the installed version
	MinFree  int64         // Disk: bytes that users other than root must have free. Memory: bytes that programs must still get without swapping
	MaxSkew  time.Duration // Clock: how far the host's clock may be from the reader's
	Argv     []string      // Command: program and arguments, run without a shell
	Timeout  time.Duration // after which it counts as failed; 0 is DefaultTimeout
}

// NewCommand returns a probe that runs a command.
func NewCommand(argv ...string) Probe {
	words := make([]string, len(argv))
	for i, w := range argv {
		words[i] = w
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return r <= ' ' || r == '"' || r == '\\' }) {
			words[i] = strconv.Quote(w)
		}
	}
	return Probe{Kind: Command, Target: strings.Join(words, " "), Argv: argv}
}

// NewMemory returns the probe for memory, of which a host has one.
func NewMemory(minFree int64) Probe {
	return Probe{Kind: Memory, Target: "available", MinFree: minFree}
}

// NewClock returns the probe for the host's clock, of which a host has one.
func NewClock(maxSkew time.Duration) Probe {
	return Probe{Kind: Clock, Target: "skew", MaxSkew: maxSkew}
}

// Name returns what messages and reports call the probe, such as
// "unit shop-web.service". It is unique on a host.
func (p Probe) Name() string { return string(p.Kind) + " " + p.Target }

// Limit returns the time after which the probe counts as failed.
func (p Probe) Limit() time.Duration {
	if p.Timeout == 0 {
		return DefaultTimeout
	}
	return p.Timeout
}

// Packages returns the packages whose installed versions the probe needs.
func (p Probe) Packages() []string {
	if p.Kind == Package {
		return []string{p.Target}
	}
	var names []string
	for _, m := range template().FindAllStringSubmatch(p.Contains, -1) {
		names = append(names, m[1])
	}
	return names
}

// Expected returns Contains with the installed versions in it. A package that is
// not among them is an error.
func (p Probe) Expected(installed map[string]string) (string, error) {
	missing := ""
	text := template().ReplaceAllStringFunc(p.Contains, func(m string) string {
		name := template().FindStringSubmatch(m)[1]
		if installed[name] == "" && missing == "" {
			missing = name
		}
		return installed[name]
	})
	if missing != "" {
		return "", fmt.Errorf("%s is not installed, so its version cannot be in the answer", missing)
	}
	return text, nil
}

// Packages returns the packages whose installed versions any of the probes needs,
// sorted.
func Packages(probes []Probe) []string {
	var names []string
	for _, p := range probes {
		names = append(names, p.Packages()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
