package gate

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// want is how a host is to be.
type want struct {
	versions rollout.Versions // "" is not installed
	probes   []health.Probe
}

// wantOf returns how a host is to be after what was done to it.
func wantOf(probes []health.Probe, at rollout.HostState) want {
	w := want{versions: maps.Clone(at.After), probes: probes}
	if at.After == nil {
		return w // nothing is known to have been installed
	}
	for name := range at.Before {
		if _, known := at.After[name]; !known {
			w.versions[name] = ""
		}
	}
	return w
}

func (w want) packages() []string { return slices.Sorted(maps.Keys(w.versions)) }

// faults returns what in the report is not as it is to be.
func (w want) faults(r health.Report) []fault {
	var faults []fault
	for _, name := range w.packages() {
		if got, want := r.Packages[name], w.versions[name]; got != want {
			faults = append(faults, fault{"package " + name, r.Received, fmt.Sprintf("%s is installed, want %s", orNone(got), orNone(want))})
		}
	}
	if r.Audit != "" {
		faults = append(faults, fault{"dpkg", r.Received, "is not done: " + r.Audit})
	}
	return append(faults, w.failing(r)...)
}

// failing returns which of the probes are not healthy by the report.
func (w want) failing(r health.Report) []fault {
	var faults []fault
	for _, p := range w.probes {
		result, reported := r.Result(p.Name())
		since := r.Since(result)
		if since.IsZero() {
			since = r.Received
		}
		switch {
		case !reported:
			faults = append(faults, fault{p.Name(), since, "nothing is reported"})
		case !result.OK:
			faults = append(faults, fault{p.Name(), since, result.Output})
		}
	}
	return faults
}

func orNone(version string) string {
	if version == "" {
		return "none"
	}
	return version
}

// lastChange returns when the last of the probes became what it is, as far as
// the report knows.
func (w want) lastChange(r health.Report) time.Time {
	var last time.Time
	for _, p := range w.probes {
		if result, reported := r.Result(p.Name()); reported && r.Since(result).After(last) {
			last = r.Since(result)
		}
	}
	return last
}
