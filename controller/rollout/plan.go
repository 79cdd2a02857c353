package rollout

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/inventory"
)

// HostPlan is what apt would do on one host, or why it would do nothing.
type HostPlan struct {
	Host    inventory.HostName
	Changes []Change
	Held    []string // packages on hold that would have to change

	Deferred []Change // of an upgrade of everything, not made: the host's turn in a phased update has not come
	KeptBack []Change // of an upgrade of everything, not made: a hold or a dependency is against it

	Unchanged Versions // of packages asked for that stay as they are

	Download int64    // bytes to be fetched
	Disk     int64    // bytes that it then takes; negative if it frees some
	Free     int64    // bytes free where packages are installed; 0 is not known
	Damaged  []string // packages that dpkg has not finished with, as "name (state)"
	Trouble  string   // why there is no plan for the host, in apt's words or ssh's; "" if there is one

	Unreachable bool // the trouble is that it could not be connected to
}

// Group is the hosts on which the same happens.
type Group struct {
	Hosts   []inventory.HostName
	Changes []Change // by package; none where nothing is to be done
	Held    []string

	Deferred []Change // not made: the hosts' turn in a phased update has not come
	KeptBack []Change // not made: a hold or a dependency is against it

	Unchanged Versions // of packages asked for that stay as they are

	Download int64 // of the host that fetches most
	Disk     int64 // of the host that needs most
	Free     int64 // of the host that has least; 0 is not known
	Damaged  []string
	Trouble  string

	Unreachable bool
}

// Plan is what apt would do on every host, with exact versions, grouped by
// identical change. The largest group comes first.
type Plan struct {
	Groups []Group
}

// NewPlan groups the plans of the hosts. Within a group they stay in order.
func NewPlan(hosts []HostPlan) Plan {
	var p Plan
	byKey := map[string]int{}
	for _, h := range hosts {
		p.add(byKey, Group{
			Hosts: []inventory.HostName{h.Host}, Changes: sortChanges(h.Changes), Held: slices.Sorted(slices.Values(h.Held)),
			Deferred: sortChanges(h.Deferred), KeptBack: sortChanges(h.KeptBack),
			Unchanged: h.Unchanged, Download: h.Download, Disk: h.Disk, Free: h.Free, Damaged: slices.Sorted(slices.Values(h.Damaged)),
			Trouble: h.Trouble, Unreachable: h.Unreachable,
		})
	}
	p.sort()
	return p
}

// add puts a group to the one with the same change, which byKey finds.
func (p *Plan) add(byKey map[string]int, g Group) {
	i, ok := byKey[g.key()]
	if !ok {
		byKey[g.key()] = len(p.Groups)
		p.Groups = append(p.Groups, g)
		return
	}
	have := &p.Groups[i]
	have.Hosts = append(have.Hosts, g.Hosts...)
	have.Download, have.Disk = max(have.Download, g.Download), max(have.Disk, g.Disk)
	if have.Free == 0 || g.Free != 0 && g.Free < have.Free {
		have.Free = g.Free
	}
}

func (p *Plan) sort() {
	slices.SortStableFunc(p.Groups, func(a, b Group) int { return cmp.Compare(len(b.Hosts), len(a.Hosts)) })
}

// key tells groups apart.
func (g Group) key() string {
	return fmt.Sprintf("%q %q %q %q %q %q %q %v", g.Changes, g.Held, g.Deferred, g.KeptBack, g.Unchanged, g.Damaged, g.Trouble, g.Unreachable)
}

// Idle reports whether there is nothing to be done on the hosts of the group.
func (g Group) Idle() bool { return g.Trouble == "" && len(g.Changes) == 0 && len(g.Damaged) == 0 }

// Only returns the changes of one kind.
func (g Group) Only(kind ChangeKind) []Change {
	var only []Change
	for _, c := range g.Changes {
		if c.Kind() == kind {
			only = append(only, c)
		}
	}
	return only
}

// Versions returns what the packages of the group will be installed as; one that
// is to be removed has an empty version.
func (g Group) Versions() Versions {
	versions := make(Versions, len(g.Changes))
	for _, c := range g.Changes {
		versions[c.Package] = c.New
	}
	return versions
}

// Changing returns on how many hosts something is to be done.
func (p Plan) Changing() (hosts int) {
	for _, g := range p.Groups {
		if !g.Idle() && g.Trouble == "" {
			hosts += len(g.Hosts)
		}
	}
	return hosts
}

// Validate reports the first thing that makes the plan impossible.
func (p Plan) Validate() error {
	planned := map[inventory.HostName]bool{}
	for _, g := range p.Groups {
		for _, h := range g.Hosts {
			if planned[h] {
				return fmt.Errorf("%s: is planned twice", h)
			}
			planned[h] = true
		}
		for _, c := range g.Changes {
			if err := c.validate(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Digest tells one plan from every other.
func (p Plan) Digest() string {
	data, err := json.Marshal(p.wire())
	if err != nil {
		panic(err) // strings and numbers can be encoded
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Totals returns the bytes that all hosts fetch, and those that they then take,
// at most.
func (p Plan) Totals() (download, disk int64) {
	for _, g := range p.Groups {
		download += g.Download * int64(len(g.Hosts))
		disk += g.Disk * int64(len(g.Hosts))
	}
	return download, disk
}

// Summary says in a line what the group's hosts would go through.
func (g Group) Summary() string {
	if g.Trouble != "" {
		return g.Trouble
	}
	if len(g.Changes) == 0 {
		return "nothing to change"
	}
	words := make([]string, len(g.Changes))
	for i, c := range g.Changes {
		words[i] = c.String()
	}
	return strings.Join(words, ", ")
}
