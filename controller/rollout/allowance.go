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
	Package string // "" where space is short
	Reason  string
	Hosts   []inventory.HostName
}

// String says it in a sentence.
func (r Refusal) String() string {
	where := fmt.Sprintf("%s and %d more hosts", r.Hosts[0], len(r.Hosts)-1)
	if len(r.Hosts) == 1 {
		where = string(r.Hosts[0])
	}
	return fmt.Sprintf("%s on %s", r.Reason, where)
}

// Refusals returns what stands against the plan: removals and holds that are not
// allowed by name, and hosts with too little space. They are in the order of the
// groups, one a package.
func (p Plan) Refusals(allow Allowance) []Refusal {
	var all []Refusal
	for _, g := range p.Groups {
		for _, c := range g.Only(Removal) {
			if !slices.Contains(allow.Remove, c.Package) {
				all = refuse(all, Refusal{c.Package, c.Package + " would be removed", g.Hosts})
			}
		}
		for _, name := range g.Held {
			if !slices.Contains(allow.Held, name) {
				all = refuse(all, Refusal{name, name + " is on hold", g.Hosts})
			}
		}
		if g.Short() {
			all = refuse(all, Refusal{"", "there is too little space", g.Hosts})
		}
	}
	return all
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
