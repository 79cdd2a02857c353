package inventory

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/health"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// profile is what the defaults and one set of groups say about any host that is
// in just those groups. A fleet has few of them, and each is merged once.
type profile struct {
	choices map[string]choice
	clashes map[string][2]speaker // key to two groups that differ on it
	host    Host                  // with all choices set; its labels are shared
	told    bool                  // that there is a clash
}

// speaker is a group and where it says what it says.
type speaker struct {
	group string
	at    tomlfile.Key
}

// place gives every host what its profile and its own table say.
func (r *resolver) place() error {
	groups := make([][]string, len(r.inventory.hosts))
	for _, name := range r.inventory.order {
		for _, i := range r.inventory.groups[name] {
			groups[i] = append(groups[i], name)
		}
	}
	said := r.choicesOfGroups()
	defaults := r.tables.Defaults.choices(r.file)
	profiles := map[string]*profile{}
	var errs []error
	for i := range r.inventory.hosts {
		id := strings.Join(groups[i], " ")
		p := profiles[id]
		if p == nil {
			p = r.merge(groups[i], defaults, said)
			profiles[id] = p
		}
		errs = append(errs, r.apply(p, &r.inventory.hosts[i]))
	}
	return errors.Join(errs...)
}

func (r *resolver) choicesOfGroups() map[string]map[string]choice {
	said := make(map[string]map[string]choice, len(r.tables.Groups))
	for name, group := range r.tables.Groups {
		said[name] = group.choices(r.file)
	}
	return said
}

// merge lets groups win over the defaults, and a group over those that contain
// it. Other groups must agree with each other.
func (r *resolver) merge(groups []string, defaults map[string]choice, said map[string]map[string]choice) *profile {
	p := &profile{choices: maps.Clone(defaults), clashes: map[string][2]speaker{}}
	speakers := map[string][]string{}
	for _, group := range groups {
		for key := range said[group] {
			speakers[key] = append(speakers[key], group)
		}
	}
	for key, all := range speakers {
		deciding := r.innermost(all)
		p.choices[key] = said[deciding[0]][key]
		for _, rival := range deciding[1:] {
			if said[rival][key].value != p.choices[key].value {
				p.clashes[key] = [2]speaker{{deciding[0], p.choices[key].at}, {rival, said[rival][key].at}}
				break
			}
		}
	}
	p.host = Host{Groups: groups, Labels: map[string]string{}}
	for _, chosen := range p.choices {
		chosen.set(&p.host)
	}
	return p
}

// innermost returns those of the groups that contain no other of them.
func (r *resolver) innermost(groups []string) []string {
	var inner []string
	for _, group := range groups {
		if !slices.ContainsFunc(groups, func(other string) bool { return r.within[group][other] }) {
			inner = append(inner, group)
		}
	}
	return inner
}

// apply fills in a host that has so far only its name.
func (r *resolver) apply(p *profile, h *Host) error {
	name := h.Name
	table, overrides := r.tables.Hosts[string(name)]
	var own map[string]choice
	if overrides {
		own = table.choices(r.file)
	}
	if err := r.clash(p, name, own); err != nil {
		return err
	}
	*h = p.host
	h.Name = name
	if overrides {
		h.Labels = maps.Clone(h.Labels)
	}
	for _, chosen := range own {
		chosen.set(h)
	}
	return r.crowded(p, h)
}

// crowded reports that all that is said together asks too much of the host; for
// hosts in the same groups only once.
func (r *resolver) crowded(p *profile, h *Host) error {
	if len(h.Health) <= health.MaxProbes || p.told {
		return nil
	}
	p.told = true
	at := hostKey(string(h.Name), "health")
	if len(h.Groups) > 0 {
		at = groupKey(h.Groups[0], "health")
	}
	return r.file.Errorf(at, "%s is asked for %d probes, and %d are the most", h.Name, len(h.Health), health.MaxProbes)
}

// clash reports the first key on which the host's groups differ and about which
// the host itself says nothing; for hosts in the same groups only once.
func (r *resolver) clash(p *profile, name HostName, own map[string]choice) error {
	for _, key := range slices.Sorted(maps.Keys(p.clashes)) {
		if _, decided := own[key]; decided || p.told {
			continue
		}
		p.told = true
		a, b := p.clashes[key][0], p.clashes[key][1]
		return r.file.Errorf(groupKey(b.group, b.at...), "group %s on line %d says otherwise, and %s is in both: decide in [%s]", a.group,
			r.file.Line(groupKey(a.group, a.at...)...), name, hostKey(string(name)))
	}
	return nil
}
