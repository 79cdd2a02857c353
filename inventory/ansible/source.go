package ansible

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/inventory"
)

// source is an Ansible inventory as it was read, before it means anything to us.
type source struct {
	path     string
	groups   map[string]*group
	order    []string // of groups
	hosts    map[string]*host
	names    []string // of hosts, in order
	warnings []string
}

type group struct {
	name     string
	patterns []string // hosts as they will be written: patterns of ours
	hosts    []string
	has      map[string]bool // the hosts again
	children []string
	inline   map[string]any // variables in the inventory itself
	files    map[string]any // from group_vars, which win over every group's inline ones
}

type host struct {
	name string
	vars map[string]any
}

// all is the group of every host, and ungrouped of those in no other.
const (
	all       = "all"
	ungrouped = "ungrouped"
)

func newSource(path string) *source {
	s := &source{path: path, groups: map[string]*group{}, hosts: map[string]*host{}}
	s.group(all)
	return s
}

func (s *source) warn(format string, args ...any) {
	s.warnings = append(s.warnings, fmt.Sprintf(format, args...))
}

// group returns the group of that name, a new one the first time.
func (s *source) group(name string) *group {
	g := s.groups[name]
	if g == nil {
		g = &group{name: name, has: map[string]bool{}, inline: map[string]any{}, files: map[string]any{}}
		s.groups[name] = g
		s.order = append(s.order, name)
	}
	return g
}

// addHosts puts the hosts of an Ansible pattern into g, each with vars.
func (s *source) addHosts(g *group, pattern string, vars map[string]any) error {
	pattern, port := cutPort(pattern)
	ours, err := ourPattern(pattern)
	if err != nil {
		return err
	}
	names, err := inventory.Expand(ours)
	if err != nil {
		return fmt.Errorf("cannot read hosts %w", err)
	}
	fresh := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return g.has[name] })
	if len(fresh) == len(names) {
		g.patterns = append(g.patterns, ours)
	} else {
		g.patterns = append(g.patterns, fresh...)
	}
	for _, name := range names {
		h := s.host(name)
		if port != "" {
			h.vars["ansible_port"] = port
		}
		maps.Copy(h.vars, vars)
	}
	for _, name := range fresh {
		g.has[name] = true
		g.hosts = append(g.hosts, name)
	}
	return nil
}

func (s *source) host(name string) *host {
	h := s.hosts[name]
	if h == nil {
		h = &host{name: name, vars: map[string]any{}}
		s.hosts[name] = h
		s.names = append(s.names, name)
	}
	return h
}

func (g *group) addChild(name string) {
	if !slices.Contains(g.children, name) {
		g.children = append(g.children, name)
	}
}

// cutPort splits "host:22" and "[::1]:22"; an address with several colons is a
// host only.
func cutPort(pattern string) (host, port string) {
	if inside, ok := strings.CutPrefix(pattern, "["); ok && strings.Count(pattern, ":") > 2 {
		host, port, _ = strings.Cut(inside, "]")
		return host, strings.TrimPrefix(port, ":")
	}
	i := strings.LastIndexByte(pattern, ':')
	if i < 0 || i < strings.LastIndexByte(pattern, ']') || strings.Count(withoutBrackets(pattern), ":") > 1 {
		return pattern, ""
	}
	return pattern[:i], pattern[i+1:]
}

func withoutBrackets(s string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, s, _ = strings.Cut(rest, "]")
	}
}

// ourPattern turns Ansible's [FIRST:LAST:STEP] into [FIRST-LAST/STEP].
func ourPattern(pattern string) (string, error) {
	var b strings.Builder
	for rest := pattern; ; {
		before, after, found := strings.Cut(rest, "[")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		inside, tail, closed := strings.Cut(after, "]")
		bounds := strings.Split(inside, ":")
		if !closed || len(bounds) < 2 || len(bounds) > 3 || bounds[1] == "" {
			return "", fmt.Errorf("cannot read hosts %q: a range is [FIRST:LAST] or [FIRST:LAST:STEP]", pattern)
		}
		if bounds[0] == "" {
			bounds[0] = "0"
		}
		b.WriteString("[" + bounds[0] + "-" + bounds[1])
		if len(bounds) == 3 {
			b.WriteString("/" + bounds[2])
		}
		b.WriteString("]")
		rest = tail
	}
}
