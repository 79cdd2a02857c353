package fleethealth

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/aptfleet/aptfleet/inventory"
)

// party is hosts with the same trouble.
type party struct {
	trouble string   // "" where the section says all
	output  string   // more that the first of the hosts said
	hosts   []string // with what is to be said of each
}

// width is where a line of names ends.
const width = 100

// writeNames lists the first hosts, and how many there are.
func (p party) writeNames(w io.Writer) {
	line := "   "
	if len(p.hosts) > 1 {
		line += fmt.Sprintf(" %d hosts:", len(p.hosts))
	}
	for i, name := range p.hosts[:min(len(p.hosts), mostNames)] {
		if i > 0 {
			line += ","
		}
		if len(line)+len(name) > width {
			fmt.Fprintln(w, line)
			line = "     "
		}
		line += " " + name
	}
	if more := len(p.hosts) - mostNames; more > 0 {
		line += fmt.Sprintf(" and %d more", more)
	}
	fmt.Fprintln(w, line)
}

// group puts together the hosts that are meant, by what trouble says of them; nil
// is nothing. detail, if it is not nil, is put behind a host's name.
func group(hosts []Host, meant func(*Host) bool, trouble, detail func(*Host) string) []party {
	parties := map[string]*party{}
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
		add(parties, key, h.Name, more)
	}
	return sorted(parties)
}

// add returns the party that the host is now in.
func add(parties map[string]*party, trouble string, host inventory.HostName, detail string) *party {
	p := parties[trouble]
	if p == nil {
		p = &party{trouble: trouble}
		parties[trouble] = p
	}
	name := string(host)
	if detail != "" {
		name += " (" + detail + ")"
	}
	p.hosts = append(p.hosts, name)
	return p
}

func sorted(parties map[string]*party) []party {
	var all []party
	for _, key := range slices.Sorted(maps.Keys(parties)) {
		all = append(all, *parties[key])
	}
	return all
}
