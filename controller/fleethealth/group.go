package fleethealth

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/aptfleet/aptfleet/inventory"
)

// troubleGroup is hosts with the same trouble.
type troubleGroup struct {
	trouble string   // "" where the section says all
	output  string   // more that the first of the hosts said
	hosts   []string // with what is to be said of each
}

// width is where a line of names ends.
const width = 100

// writeNames lists the first hosts, and how many there are.
func (g troubleGroup) writeNames(w io.Writer) {
	line := "   "
	if len(g.hosts) > 1 {
		line += fmt.Sprintf(" %d hosts:", len(g.hosts))
	}
	for i, name := range g.hosts[:min(len(g.hosts), maxNames)] {
		if i > 0 {
			line += ","
		}
		if len(line)+len(name) > width {
			fmt.Fprintln(w, line)
			line = "     "
		}
		line += " " + name
	}
	if more := len(g.hosts) - maxNames; more > 0 {
		line += fmt.Sprintf(" and %d more", more)
	}
	fmt.Fprintln(w, line)
}

// group puts together the hosts that are meant, by what trouble says of them; nil
// is nothing. detail, if it is not nil, is put behind a host's name.
func group(hosts []Host, meant func(*Host) bool, trouble, detail func(*Host) string) []troubleGroup {
	groups := map[string]*troubleGroup{}
	for i := range hosts {
		h := &hosts[i]
		if !meant(h) {
			continue
		}
		key, more := "", ""
		if trouble != nil {
			key = trouble(h)
		}
		if detail != nil {
			more = detail(h)
		}
		add(groups, key, h.Name, more)
	}
	return sorted(groups)
}

// add returns the group that the host is now in.
func add(groups map[string]*troubleGroup, trouble string, host inventory.HostName, detail string) *troubleGroup {
	g := groups[trouble]
	if g == nil {
		g = &troubleGroup{trouble: trouble}
		groups[trouble] = g
	}
	name := string(host)
	if detail != "" {
		name += " (" + detail + ")"
	}
	g.hosts = append(g.hosts, name)
	return g
}

func sorted(groups map[string]*troubleGroup) []troubleGroup {
	var all []troubleGroup
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		all = append(all, *groups[key])
	}
	return all
}
