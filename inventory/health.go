package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// healthTable is what a group, a host or the defaults ask of a host's health.
// Each probe is a thing said for itself, so that those of several groups add up,
// and who speaks of the same one decides how it is to be.
type healthTable struct {
	Packages []string       `toml:"packages"`
	Units    []string       `toml:"units"`
	HTTP     []httpTable    `toml:"http"`
	TCP      []tcpTable     `toml:"tcp"`
	Disk     []diskTable    `toml:"disk"`
	Memory   *memoryTable   `toml:"memory"`
	Clock    *clockTable    `toml:"clock"`
	Command  []commandTable `toml:"command"`
}

type httpTable struct {
	URL      string            `toml:"url"`
	Status   int               `toml:"status"`
	Contains string            `toml:"contains"`
	Timeout  tomlfile.Duration `toml:"timeout"`
}

type tcpTable struct {
	Address string            `toml:"address"`
	Timeout tomlfile.Duration `toml:"timeout"`
}

type diskTable struct {
	Path    string        `toml:"path"`
	MinFree tomlfile.Size `toml:"min_free"`
}

type memoryTable struct {
	MinAvailable tomlfile.Size `toml:"min_available"`
}

type clockTable struct {
	MaxSkew tomlfile.Duration `toml:"max_skew"`
}

type commandTable struct {
	Run     []string          `toml:"run"`
	Timeout tomlfile.Duration `toml:"timeout"`
}

// placedProbe is a probe and where the file has it, below health.
type placedProbe struct {
	health.Probe
	at tomlfile.Key
}

// probes returns all probes of the table in its order.
func (t *healthTable) probes() []placedProbe {
	if t == nil {
		return nil
	}
	var all []placedProbe
	add := func(key string, i int, p health.Probe) {
		all = append(all, placedProbe{p, tomlfile.Key{"health", key, tomlfile.Index(i)}})
	}
	for i, name := range t.Packages {
		add("packages", i, health.Probe{Kind: health.Package, Target: name})
	}
	for i, name := range t.Units {
		add("units", i, health.Probe{Kind: health.Unit, Target: name})
	}
	for i, h := range t.HTTP {
		add("http", i, health.Probe{Kind: health.HTTP, Target: h.URL, Status: h.Status, Contains: h.Contains, Timeout: time.Duration(h.Timeout)})
	}
	for i, c := range t.TCP {
		add("tcp", i, health.Probe{Kind: health.TCP, Target: c.Address, Timeout: time.Duration(c.Timeout)})
	}
	for i, d := range t.Disk {
		add("disk", i, health.Probe{Kind: health.Disk, Target: d.Path, MinFree: int64(d.MinFree)})
	}
	if t.Memory != nil {
		all = append(all, placedProbe{health.NewMemory(int64(t.Memory.MinAvailable)), tomlfile.Key{"health", "memory"}})
	}
	if t.Clock != nil {
		all = append(all, placedProbe{health.NewClock(time.Duration(t.Clock.MaxSkew)), tomlfile.Key{"health", "clock"}})
	}
	for i, c := range t.Command {
		p := health.NewCommand(c.Run...)
		p.Timeout = time.Duration(c.Timeout)
		add("command", i, p)
	}
	return all
}

// validate returns an error for each probe that cannot be meant or is there
// twice; at is the key of the table that health stands in.
func (t *healthTable) validate(file *tomlfile.File, at tomlfile.Key) error {
	var errs []error
	seen := map[string]tomlfile.Key{}
	for _, p := range t.probes() {
		key := at.With(p.at...)
		if err := p.Validate(); err != nil {
			errs = append(errs, file.Errorf(key, "%w", err))
		} else if first, twice := seen[p.Name()]; twice {
			errs = append(errs, file.Errorf(key, "%s is on line %d already", p.Name(), file.Line(first...)))
		}
		seen[p.Name()] = key
	}
	return errors.Join(errs...)
}

// choose adds the table's probes to the choices of the table that it stands in.
func (t *healthTable) choose(to map[string]choice) {
	for _, p := range t.probes() {
		to["health."+p.Name()] = choice{
			value: fmt.Sprintf("%+v", p.Probe), at: p.at,
			set: func(h *Host) { h.Health = withProbe(h.Health, p.Probe) },
		}
	}
}

// withProbe returns the probes, sorted by their names, with p in place of one of
// the same name. Hosts share their probes, so it copies.
func withProbe(probes []health.Probe, p health.Probe) []health.Probe {
	i, there := slices.BinarySearchFunc(probes, p.Name(), func(q health.Probe, name string) int {
		return strings.Compare(q.Name(), name)
	})
	if there {
		probes = slices.Clone(probes)
		probes[i] = p
		return probes
	}
	return slices.Insert(slices.Clip(probes), i, p)
}
