package ansible

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/aptfleet/aptfleet/inventory"
)

// writer writes a fleet as an inventory of ours.
type writer struct {
	*fleet
	strings.Builder
	renamed map[string]string // groups whose names we cannot have
}

func (f *fleet) write() []byte {
	w := &writer{fleet: f, renamed: map[string]string{}}
	for _, name := range f.order {
		w.rename(name)
	}
	fmt.Fprintf(w, "# Converted from the Ansible inventory %s.\n", filepath.Base(f.path))
	if len(f.defaults) > 0 || len(f.left[all]) > 0 {
		w.WriteString("\n[defaults]\n")
		w.table(f.defaults, f.left[all], "all hosts")
	}
	for _, name := range f.order {
		if g := f.groups[name]; name != all && (name != ungrouped || len(g.hosts) > 0) {
			w.group(g)
		}
	}
	for _, name := range f.names {
		w.host(name)
	}
	return []byte(w.String())
}

func (w *writer) group(g *group) {
	fmt.Fprintf(w, "\n[groups.%s]\n", toml.Key{w.renamed[g.name]})
	if len(g.patterns) > 0 {
		w.WriteString("hosts = [\n")
		for _, pattern := range g.patterns {
			fmt.Fprintf(w, "  %s,\n", quote(pattern))
		}
		w.WriteString("]\n")
	}
	if len(g.children) > 0 {
		var children []string
		for _, child := range g.children {
			children = append(children, quote(w.renamed[child]))
		}
		fmt.Fprintf(w, "groups = [%s]\n", strings.Join(children, ", "))
	}
	w.table(w.own[g.name], w.left[g.name], "group "+g.name)
}

func (w *writer) host(name string) {
	own, left := w.overrides(name), w.left["host "+name]
	if len(own) == 0 && len(left) == 0 {
		return
	}
	fmt.Fprintf(w, "\n[hosts.%s]\n", toml.Key{name})
	for _, key := range keys {
		if value, ok := own[key]; ok {
			fmt.Fprintf(w, "%s = %s\n", key, value)
		}
	}
	w.leftOut(left, "host "+name)
}

// table writes the settings that a table of defaults or of a group can have.
func (w *writer) table(own settings, left []string, of string) {
	for _, key := range keys {
		if value, ok := own[key]; ok && !onlyOfHosts(key) {
			fmt.Fprintf(w, "%s = %s\n", key, value)
		}
	}
	w.leftOut(left, of)
}

func (w *writer) leftOut(left []string, of string) {
	if len(left) == 0 {
		return
	}
	text := strings.Map(commentable, strings.Join(left, ", "))
	fmt.Fprintf(w, "# not carried over: %s\n", text)
	w.warn("%s: not carried over: %s", of, text)
}

// commentable replaces what may not stand in a comment of TOML. Of bytes that
// are no UTF-8, strings.Map has made U+FFFD already.
func commentable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// rename finds a name for a group that we can have: Ansible takes any characters,
// and a host of the same name.
func (w *writer) rename(name string) {
	ours := strings.Map(func(r rune) rune {
		if r < 0x80 && strings.ContainsRune("._-", r) || inventory.ValidateName(string(r)) == nil {
			return r
		}
		return '_'
	}, name)
	if ours == "" || strings.IndexAny(ours, "._-") == 0 {
		ours = "g" + ours
	}
	for w.hosts[ours] != nil || name != ours && (w.groups[ours] != nil || w.isTaken(ours)) {
		ours += "_group"
	}
	w.renamed[name] = ours
	if ours != name {
		w.warn("group %s is called %s here", name, ours)
	}
}

func (w *writer) isTaken(ours string) bool {
	return slices.ContainsFunc(w.order, func(other string) bool { return w.renamed[other] == ours })
}
