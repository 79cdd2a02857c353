package gate

import (
	"context"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
	"github.com/aptfleet/aptfleet/pkg/netprobe"
)

// Prober is a Reporter that looks itself, over SSH: by one script a round, and
// for services by connections that the host opens for it, so that their
// loopback addresses are the host's and no tool is needed there. Everything runs
// as whoever logs in, never as root, and on the machine itself where the target
// is a chroot; only dpkg and disk look into that.
type Prober struct{ Fleet *remote.Fleet }

// Follow keeps one connection to the host until it is closed.
func (p Prober) Follow(h inventory.Host, packages []string) Reports {
	return &sshReports{link: p.Fleet.Link(h), probes: h.Health, packages: allPackages(h.Health, packages)}
}

// sshReports looks at one host.
type sshReports struct {
	link      *remote.Link
	probes    []health.Probe
	packages  []string
	connected bool // that there was a connection when it was used last
}

func (s *sshReports) Close() error { return s.link.Close() }

// Changed is nil: one has to look.
func (s *sshReports) Changed() <-chan struct{} { return nil }

// slack is how much longer a round may take than its probes.
const slack = 15 * time.Second

// Report carries out every probe at once. A probe that hangs is cut off at its
// own time; the whole round ends soon after the longest of them.
func (s *sshReports) Report(ctx context.Context) (health.Report, error) {
	longest := frontLimit
	for _, p := range s.probes {
		longest = max(longest, p.Limit())
	}
	ctx, cancel := context.WithTimeout(ctx, longest+slack)
	defer cancel()
	if err := s.connect(ctx); err != nil {
		return health.Report{}, err
	}
	answers := make([]netprobe.Answer, len(s.probes))
	var asking sync.WaitGroup
	for i, p := range s.probes {
		if p.Kind == health.HTTP || p.Kind == health.TCP {
			asking.Go(func() { answers[i] = netprobe.Ask(ctx, s.link.Dial, p) })
		}
	}
	begun := time.Now()
	first, rest, err := s.round(ctx)
	asking.Wait()
	s.connected = err == nil
	if err != nil {
		return health.Report{}, err
	}
	return s.read(first, rest, answers, begun)
}

// connect makes sure of a connection beforehand: what that takes is not to count
// against the time of a probe that needs it.
func (s *sshReports) connect(ctx context.Context) error {
	if s.connected {
		return nil
	}
	_, err := s.link.Run(ctx, remote.Command{Argv: []string{"true"}})
	s.connected = err == nil
	return err
}

// commands returns those that a round begins with, and those of the probes.
func (s *sshReports) commands() (first, rest []command) {
	for _, p := range s.probes {
		if t, ok := commandOf(p); ok {
			rest = append(rest, t)
		}
	}
	return front(s.packages), rest
}

// round runs the script.
func (s *sshReports) round(ctx context.Context) (first, rest []outcome, err error) {
	begin, then := s.commands()
	out, err := s.link.Run(ctx, remote.Command{Argv: script(begin, then)})
	if err != nil {
		return nil, nil, err
	}
	all, err := parseRound(string(out.Stdout), len(begin)+len(then))
	if err != nil {
		return nil, nil, err
	}
	return all[:len(begin)], all[len(begin):], nil
}

// read makes a report of what was found since begun.
func (s *sshReports) read(first, rest []outcome, answers []netprobe.Answer, begun time.Time) (health.Report, error) {
	now := time.Now()
	r := health.Report{At: now, Received: now}
	m, err := readFront(&r, first, s.packages)
	if err != nil {
		return r, err
	}
	m.begun = begun
	for i, p := range s.probes {
		switch p.Kind {
		case health.Package:
			r.Results = append(r.Results, health.JudgePackage(p, r.Packages))
		case health.HTTP, health.TCP:
			r.Results = append(r.Results, answers[i].Result(p, r.Packages))
		default:
			r.Results = append(r.Results, resultOf(p, rest[0], m))
			rest = rest[1:]
		}
	}
	return r, nil
}
