package inventory

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// Inventory is the hosts of a fleet and the groups they are in.
type Inventory struct {
	hosts  []Host
	index  map[HostName]int
	groups map[string][]int // members, as indices into hosts, in the group's order
	order  []string         // of groups
}

// Load reads the inventory file at path. Its errors name the file, the line and
// the key.
func Load(path string) (*Inventory, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read inventory %s: %w", path, errors.Unwrap(err))
	}
	return Parse(path, data)
}

// Parse reads an inventory from data. Name is what errors call it, and its
// folder is where relative paths in it start.
func Parse(name string, data []byte) (*Inventory, error) {
	var tables tables
	file, err := tomlfile.Decode(name, data, &tables)
	if err != nil {
		return nil, err
	}
	r := newResolver(file, &tables)
	for _, step := range []func() error{r.validate, r.expandGroups, r.joinHosts, r.nest, r.place} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.inventory, nil
}

// Hosts returns every host in inventory order: group by group as the file has
// them, each host where it is first named.
func (inv *Inventory) Hosts() []Host { return slices.Clone(inv.hosts) }

// Host returns the host of that name.
func (inv *Inventory) Host(name HostName) (Host, bool) {
	i, ok := inv.index[name]
	if !ok {
		return Host{}, false
	}
	return inv.hosts[i], true
}

// Groups returns the names of all groups in the file's order.
func (inv *Inventory) Groups() []string { return slices.Clone(inv.order) }

// add returns the index of a host, which is new unless it was added before.
func (inv *Inventory) add(name string) int {
	i, ok := inv.index[HostName(name)]
	if !ok {
		i = len(inv.hosts)
		inv.index[HostName(name)] = i
		inv.hosts = append(inv.hosts, Host{Name: HostName(name)})
	}
	return i
}
