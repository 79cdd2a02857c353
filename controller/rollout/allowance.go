package rollout

import (
	"fmt"
	"slices"

	"github.com/aptfleet/aptfleet/inventory"
)

// Allowance names the packages with which a plan may do what is refused else.
type Allowance struct {
	Remove []string
	Held   []string // change them in spite of their hold
}

// Refusal is why a plan can't be approved as it is.
type Refusal struct {
	Package string
	Reason  string
	Held    bool // its hold is what stands against it, else its removal
	Hosts   []inventory.HostName
}

// String says it in a sentence.
func (r Refusal) String() string {
	where := string(r.Hosts[0])
	switch more := len(r.Hosts) - 1; more {
	case 0:
	case 1:
		where += " and 1 more host"
	default:
		where += fmt.Sprintf(" and %d more hosts", more)
	}
	return fmt.Sprintf("%s on %s", r.Reason, where)
}

// Refusals returns what stands against the plan: removals and holds that are not
// allowed by name. They are in the order of the groups, one a package.
func (p Plan) Refusals(allow Allowance) []Refusal {
	var all []Refusal
	for _, g := range p.Groups {
		for _, c := range g.Only(Removal) {
			if !slices.Contains(allow.Remove, c.Package) {
				all = refuse(all, Refusal{c.Package, c.Package + " would be removed", false, g.Hosts})
			}
		}
		for _, name := range g.Held {
			if !slices.Contains(allow.Held, name) {
				all = refuse(all, Refusal{name, name + " is on hold", true, g.Hosts})
			}
		}
	}
	return all
}

// Without returns the plan with trouble in the place of what is not allowed, for
// when nobody is asked any more.
func (p Plan) Without(allow Allowance) Plan {
	p.Groups = slices.Clone(p.Groups)
	for i, g := range p.Groups {
		refused := Plan{[]Group{g}}.Refusals(allow)
		if len(refused) > 0 {
			p.Groups[i].Changes, p.Groups[i].Held = nil, nil
			p.Groups[i].Trouble = "cannot carry out what is planned now: " + refused[0].Reason + ", and that was not allowed"
		}
	}
	return p
}

// Pin returns the packages with the versions that the plan brings everywhere, for
// hosts that are planned late. One that has a version, or comes in several, stays
// as it is.
func (p Plan) Pin(packages []Package) []Package {
	brought := map[string]map[string]bool{}
	for _, g := range p.Groups {
		for _, c := range g.Changes {
			if brought[c.Package] == nil {
				brought[c.Package] = map[string]bool{}
			}
			brought[c.Package][c.New] = true
		}
	}
	pinned := slices.Clone(packages)
	for i, want := range pinned {
		for version := range brought[want.Name] {
			if want.Version == "" && len(brought[want.Name]) == 1 {
				pinned[i].Version = version
			}
		}
	}
	return pinned
}

// refuse adds a refusal, to the one for the same reason where there is one.
func refuse(all []Refusal, r Refusal) []Refusal {
	r.Hosts = slices.Clone(r.Hosts)
	i := slices.IndexFunc(all, func(have Refusal) bool { return have.Reason == r.Reason })
	if i < 0 {
		return append(all, r)
	}
	all[i].Hosts = append(all[i].Hosts, r.Hosts...)
	return all
}
