package fleethealth

import (
	"slices"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// Known is all that is known of one host.
type Known struct {
	Name   inventory.HostName
	Probes []health.Probe // that it is to be judged by
	Asked  []string       // packages that the report speaks of besides those of the probes

	Report  *health.Report // the newest; nil is none
	Trouble string         // why there is none, or no newer one, if that is known

	Installed   rollout.Versions // what the last rollout left there; nil is not known
	InstalledBy rollout.ID
}

// Host is a judged host.
type Host struct {
	Name     inventory.HostName
	Reported time.Time // when it last said something; zero is never

	Silent   bool
	Trouble  string     // why it is silent, if that is known
	Failures []Failure  // by the name of the probe; those of a silent host are what it said last
	Drift    []Drift    // by the package's name
	Drifted  rollout.ID // the rollout that had installed something else; "" without Drift
	Unprobed bool       // it has no probes, so that healthy says little

	Facts *health.Facts // nil is not known
}

// Failure is a probe that is not green, or dpkg's "dpkg".
type Failure struct {
	Probe  string
	Since  time.Time // by the reader's clock; zero is not known
	Output string    // what it said last
}

// Drift is a package that is not as a rollout left it.
type Drift struct {
	Package string
	Want    string // "" is not installed
	Have    string
}

// Healthy reports whether the host has said lately that nothing fails.
func (h *Host) Healthy() bool { return !h.Silent && len(h.Failures) == 0 }

// NeedsPerson reports whether somebody should look at the host.
func (h *Host) NeedsPerson() bool {
	return !h.Healthy() || len(h.Drift) > 0 || h.Facts != nil && (h.Facts.RebootRequired || h.Facts.Upgrades != nil && h.Facts.Upgrades.Security > 0)
}

// Judge judges a host at a time. A report that was received longer ago than
// silence is none.
func Judge(k Known, now time.Time, silence time.Duration) Host {
	h := Host{Name: k.Name, Unprobed: len(k.Probes) == 0}
	if k.Report == nil {
		h.Silent, h.Trouble = true, k.Trouble
		return h
	}
	h.Reported, h.Facts = k.Report.Received, k.Report.Facts
	if now.Sub(k.Report.Received) > silence {
		h.Silent, h.Trouble = true, k.Trouble
	}
	h.Failures = failures(k)
	if h.Drift = drift(k); h.Drift != nil {
		h.Drifted = k.InstalledBy
	}
	return h
}

// failures returns what is not green.
func failures(k Known) []Failure {
	var found []Failure
	if k.Report.Audit != "" {
		found = append(found, Failure{Probe: "dpkg", Output: "is not done: " + k.Report.Audit})
	}
	for _, p := range k.Probes {
		result, reported := k.Report.Result(p.Name())
		switch {
		case !reported:
			found = append(found, Failure{Probe: p.Name(), Output: "nothing is reported"})
		case !result.OK:
			found = append(found, Failure{p.Name(), k.Report.Since(result), result.Output})
		}
	}
	if clock := health.JudgeClock(health.NewClock(health.MaxSkew), k.Report.Ahead()); !clock.OK && !hasClock(k.Probes) {
		found = append(found, Failure{Probe: clock.Probe, Output: clock.Output})
	}
	slices.SortStableFunc(found, func(a, b Failure) int { return strings.Compare(a.Probe, b.Probe) })
	return found
}

// hasClock reports whether the clock is judged by one of the probes. Otherwise a
// clock that no probe would allow is wrong.
func hasClock(probes []health.Probe) bool {
	return slices.ContainsFunc(probes, func(p health.Probe) bool { return p.Kind == health.Clock })
}

// drift returns what is not as the last rollout left it, of the packages that the
// report speaks of. One that it leaves out although it was asked is not installed.
func drift(k Known) []Drift {
	var found []Drift
	asked := append(health.Packages(k.Probes), k.Asked...)
	for name, want := range k.Installed {
		have, there := k.Report.Packages[name]
		if have == want || !there && !slices.Contains(asked, name) {
			continue
		}
		found = append(found, Drift{name, want, have})
	}
	slices.SortFunc(found, func(a, b Drift) int { return strings.Compare(a.Package, b.Package) })
	return found
}
