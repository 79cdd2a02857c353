package inventory

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/didyoumean"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// tables is the file as it is written.
type tables struct {
	Defaults settings              `toml:"defaults"`
	Groups   map[string]groupTable `toml:"groups"`
	Hosts    map[string]hostTable  `toml:"hosts"`
}

type groupTable struct {
	settings
	Hosts  []string `toml:"hosts"`
	Groups []string `toml:"groups"`
}

type hostTable struct {
	settings
	Address      *string  `toml:"address"`
	HostKeyAlias *string  `toml:"host_key_alias"`
	Groups       []string `toml:"groups"` // to join; [] for a host that stands alone
}

// resolver makes an Inventory of the tables, in steps that Parse calls in order.
type resolver struct {
	file      *tomlfile.File
	tables    *tables
	inventory *Inventory
	within    map[string]map[string]bool // group to all groups below it
}

func newResolver(file *tomlfile.File, t *tables) *resolver {
	inv := &Inventory{index: map[HostName]int{}, groups: map[string][]int{}, order: file.Children("groups")}
	return &resolver{file: file, tables: t, inventory: inv, within: map[string]map[string]bool{}}
}

func groupKey(name string, more ...string) tomlfile.Key {
	return tomlfile.Key{"groups", name}.With(more...)
}

func hostKey(name string, more ...string) tomlfile.Key {
	return tomlfile.Key{"hosts", name}.With(more...)
}

// validate checks every table by itself.
func (r *resolver) validate() error {
	errs := []error{r.tables.Defaults.validate(r.file, tomlfile.Key{"defaults"})}
	for _, name := range r.inventory.order {
		if err := ValidateName(name); err != nil {
			errs = append(errs, r.file.Errorf(groupKey(name), "%w", err))
		} else if name == allHosts {
			errs = append(errs, r.file.Errorf(groupKey(name), "all hosts are this group already: choose another name, or use [defaults]"))
		}
		group := r.tables.Groups[name]
		errs = append(errs, group.validate(r.file, groupKey(name)))
	}
	for _, name := range r.file.Children("hosts") {
		host := r.tables.Hosts[name]
		errs = append(errs, host.validate(r.file, hostKey(name)))
	}
	return errors.Join(errs...)
}

// choices are those of settings and the keys that only a host has.
func (h *hostTable) choices(file *tomlfile.File) map[string]choice {
	c := h.settings.choices(file)
	choose(c, "address", h.Address, func(h *Host, v string) { h.Address = v })
	choose(c, "host_key_alias", h.HostKeyAlias, func(h *Host, v string) { h.HostKeyAlias = v })
	return c
}

func (h *hostTable) validate(file *tomlfile.File, at tomlfile.Key) error {
	errs := []error{h.settings.validate(file, at)}
	if err := validateWord(h.Address); err != nil {
		errs = append(errs, file.Errorf(at.With("address"), "%w", err))
	}
	if err := validateWord(h.HostKeyAlias); err != nil {
		errs = append(errs, file.Errorf(at.With("host_key_alias"), "%w", err))
	}
	return errors.Join(errs...)
}

// expandGroups fills each group with the hosts that its own table lists.
func (r *resolver) expandGroups() error {
	var errs []error
	for _, name := range r.inventory.order {
		listed := map[string]int{} // host to the element that lists it
		for i, pattern := range r.tables.Groups[name].Hosts {
			if err := r.expandInto(name, pattern, i, listed); err != nil {
				errs = append(errs, r.file.Errorf(groupKey(name, "hosts", tomlfile.Index(i)), "%w", err))
			}
		}
	}
	return errors.Join(errs...)
}

func (r *resolver) expandInto(group, pattern string, element int, listed map[string]int) error {
	names, err := Expand(pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		if first, twice := listed[name]; twice {
			return fmt.Errorf("%s is in this group already, by %q on line %d", name,
				r.tables.Groups[group].Hosts[first], r.file.Line(groupKey(group, "hosts", tomlfile.Index(first))...))
		}
		if err := r.validateHostName(name); err != nil {
			return err
		}
		listed[name] = element
		r.inventory.groups[group] = append(r.inventory.groups[group], r.inventory.add(name))
	}
	return nil
}

func (r *resolver) validateHostName(name string) error {
	if _, taken := r.tables.Groups[name]; taken || name == allHosts {
		return fmt.Errorf("%q is a group: a host of the same name could not be selected", name)
	}
	return ValidateName(name)
}

// joinHosts adds the hosts that only have a table of their own, and refuses a
// table that belongs to no host, which is most often a slip in its name.
func (r *resolver) joinHosts() error {
	var errs []error
	for _, name := range r.file.Children("hosts") {
		table := r.tables.Hosts[name]
		if _, listed := r.inventory.index[HostName(name)]; !listed && table.Groups == nil {
			errs = append(errs, r.file.Errorf(hostKey(name),
				"no group lists this host%s; a host declared only here says groups = [\"NAME\"], or [] to stand alone", r.hintHost(name)))
			continue
		}
		if err := r.validateHostName(name); err != nil {
			errs = append(errs, r.file.Errorf(hostKey(name), "%w", err))
			continue
		}
		i := r.inventory.add(name)
		for n, group := range table.Groups {
			if err := r.join(i, group); err != nil {
				errs = append(errs, r.file.Errorf(hostKey(name, "groups", tomlfile.Index(n)), "%w", err))
			}
		}
	}
	return errors.Join(errs...)
}

func (r *resolver) join(host int, group string) error {
	if err := r.known(group); err != nil {
		return err
	}
	if slices.Contains(r.inventory.groups[group], host) {
		return fmt.Errorf("the host is in %s already", group)
	}
	r.inventory.groups[group] = append(r.inventory.groups[group], host)
	return nil
}

func (r *resolver) known(group string) error {
	if _, ok := r.tables.Groups[group]; !ok {
		return fmt.Errorf("there is no group %q%s", group, didyoumean.Hint(group, slices.Values(r.inventory.order)))
	}
	return nil
}

func (r *resolver) hintHost(name string) string {
	return didyoumean.Hint(name, func(yield func(string) bool) {
		for i := range r.inventory.hosts {
			if !yield(string(r.inventory.hosts[i].Name)) {
				return
			}
		}
	})
}

// nest adds to each group the hosts of the groups within it.
func (r *resolver) nest() error {
	var errs []error
	for _, name := range r.inventory.order {
		for i, sub := range r.tables.Groups[name].Groups {
			if err := r.known(sub); err != nil {
				errs = append(errs, r.file.Errorf(groupKey(name, "groups", tomlfile.Index(i)), "%w", err))
			}
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for _, name := range r.inventory.order {
		if err := r.descend(name, nil); err != nil {
			return err
		}
	}
	return nil
}

// descend fills within[name] and the group's members, once; path is how it came
// here.
func (r *resolver) descend(name string, path []string) error {
	if start := slices.Index(path, name); start >= 0 {
		parent := path[len(path)-1]
		return r.file.Errorf(groupKey(parent, "groups"), "group %s contains itself: %s", name,
			strings.Join(append(path[start:], name), " -> "))
	}
	if r.within[name] != nil {
		return nil
	}
	below, members := map[string]bool{}, r.inventory.groups[name]
	for _, sub := range r.tables.Groups[name].Groups {
		if err := r.descend(sub, append(path, name)); err != nil {
			return err
		}
		below[sub] = true
		maps.Copy(below, r.within[sub])
		members = append(members, r.inventory.groups[sub]...)
	}
	r.within[name] = below
	r.inventory.groups[name] = unique(members)
	return nil
}

// unique drops all but the first of each, in place.
func unique(list []int) []int {
	seen := make(map[int]bool, len(list))
	return slices.DeleteFunc(list, func(i int) bool {
		twice := seen[i]
		seen[i] = true
		return twice
	})
}
