package ansible

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// fleet is the source with what follows from it: which groups a host is in, in
// which order they speak, and which settings each table of ours has.
type fleet struct {
	*source
	parents  map[string][]string
	direct   map[string][]string // host to the groups that list it
	depth    map[string]int      // the longest way from all
	defaults settings
	own      map[string]settings // by group
	left     map[string][]string // by group, and by "host NAME"
}

func resolve(s *source) (*fleet, error) {
	f := &fleet{source: s, parents: map[string][]string{}, direct: map[string][]string{}, depth: map[string]int{}, own: map[string]settings{}, left: map[string][]string{}}
	f.gatherUngrouped()
	for _, name := range s.order {
		for _, child := range s.groups[name].children {
			f.parents[child] = append(f.parents[child], name)
		}
		for _, h := range s.groups[name].hosts {
			f.direct[h] = append(f.direct[h], name)
		}
	}
	for _, name := range s.order {
		if err := f.measure(name, nil); err != nil {
			return nil, err
		}
	}
	for _, name := range s.order {
		g := s.groups[name]
		vars := maps.Clone(g.inline)
		maps.Copy(vars, g.files)
		f.own[name], f.left[name] = translate(vars, "")
	}
	for _, name := range s.names {
		_, f.left["host "+name] = translate(s.hosts[name].vars, name)
	}
	f.defaults = f.own[all]
	return f, nil
}

// gatherUngrouped makes ungrouped what Ansible does: the hosts in no other group.
func (f *fleet) gatherUngrouped() {
	u := f.group(ungrouped)
	grouped := map[string]bool{}
	for name, g := range f.groups {
		for _, h := range g.hosts {
			grouped[h] = grouped[h] || name != all && name != ungrouped
		}
	}
	u.hosts, u.has = nil, map[string]bool{}
	for _, h := range f.names {
		if !grouped[h] {
			u.hosts = append(u.hosts, h)
			u.has[h] = true
		}
	}
	u.patterns = u.hosts
}

// measure finds the depth of a group; path is how it came here, upwards.
func (f *fleet) measure(name string, path []string) error {
	if i := slices.Index(path, name); i >= 0 {
		slices.Reverse(path)
		return fmt.Errorf("%s: group %s contains itself: %s", f.path, name, strings.Join(append([]string{name}, path[:len(path)-i]...), " -> "))
	}
	if _, known := f.depth[name]; known || name == all {
		return nil
	}
	depth := 1
	for _, parent := range f.parents[name] {
		if err := f.measure(parent, append(path, name)); err != nil {
			return err
		}
		depth = max(depth, f.depth[parent]+1)
	}
	f.depth[name] = depth
	return nil
}

// groupsOf returns the groups of a host without all, in the order in which Ansible
// lets them speak: the last one wins.
func (f *fleet) groupsOf(hostName string) []string {
	in := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		if name == all || in[name] {
			return
		}
		in[name] = true
		for _, parent := range f.parents[name] {
			add(parent)
		}
	}
	for _, name := range f.direct[hostName] {
		add(name)
	}
	return slices.SortedFunc(maps.Keys(in), func(a, b string) int {
		if a, b := f.depth[a], f.depth[b]; a != b {
			return a - b
		}
		if a, b := f.priority(a), f.priority(b); a != b {
			return a - b
		}
		return strings.Compare(a, b)
	})
}

func (f *fleet) priority(name string) int {
	for _, vars := range []map[string]any{f.groups[name].files, f.groups[name].inline} {
		if n, ok := vars["ansible_group_priority"].(int); ok {
			return n
		}
	}
	return 1
}

// effective returns what holds for a host in Ansible. Variables in files speak
// after all inline ones, those of all before those of the other groups.
func (f *fleet) effective(hostName string, groups []string) settings {
	vars := maps.Clone(f.groups[all].inline)
	for _, name := range groups {
		maps.Copy(vars, f.groups[name].inline)
	}
	maps.Copy(vars, f.groups[all].files)
	for _, name := range groups {
		maps.Copy(vars, f.groups[name].files)
	}
	maps.Copy(vars, f.hosts[hostName].vars)
	out, _ := translate(vars, hostName)
	return out
}

// overrides returns what a host's own table must say: whatever defaults and
// groups of ours would not give it, or would not agree on.
func (f *fleet) overrides(hostName string) settings {
	groups := f.groupsOf(hostName)
	out := settings{}
	for key, value := range f.effective(hostName, groups) {
		if given, ok := f.given(key, groups); !ok || given != value {
			out[key] = value
		}
	}
	return out
}

// given returns what our groups and defaults give a host, and false if that is
// nothing or the groups differ.
func (f *fleet) given(key string, groups []string) (string, bool) {
	if onlyOfHosts(key) {
		return "", false
	}
	speakers := slices.DeleteFunc(slices.Clone(groups), func(name string) bool { return f.own[name][key] == "" })
	if len(speakers) == 0 {
		return f.defaults[key], f.defaults[key] != ""
	}
	values := map[string]bool{}
	for _, name := range speakers {
		if !slices.ContainsFunc(speakers, func(other string) bool { return f.isAbove(name, other) }) {
			values[f.own[name][key]] = true
		}
	}
	if len(values) != 1 {
		return "", false
	}
	return slices.Collect(maps.Keys(values))[0], true
}

func (f *fleet) isAbove(name, below string) bool {
	return slices.ContainsFunc(f.parents[below], func(parent string) bool { return parent == name || f.isAbove(name, parent) })
}
