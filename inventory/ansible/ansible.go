// Package ansible converts inventories of Ansible, in INI or YAML, to ours.
//
// Every host ends up with the address, port, user, key, jump host and way to
// root that Ansible would have used: where Ansible's order of precedence and
// ours differ, the host's own table decides. Variables that mean nothing to
// aptfleet are listed in comments and warnings, by name only, since they may
// hold passwords. Nothing of Ansible is run.
package ansible

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/aptfleet/aptfleet/inventory"
)

// Convert reads the Ansible inventory at path, with the group_vars and host_vars
// beside it, and returns it as an inventory of ours, which inventory.Parse
// accepts, with one warning for each thing that was left out.
func Convert(path string) (converted []byte, warnings []string, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, syscall.EISDIR) {
		return nil, nil, fmt.Errorf("%s: it is a folder: give the output of \"ansible-inventory --list --yaml\" instead", path)
	} else if err != nil {
		return nil, nil, fmt.Errorf("cannot read Ansible inventory: %w", err)
	}
	s := newSource(path)
	if err := s.read(data); err != nil {
		return nil, nil, err
	}
	if err := s.readVarsFiles(); err != nil {
		return nil, nil, err
	}
	if err := s.dropUnnameable(); err != nil {
		return nil, nil, err
	}
	f, err := resolve(s)
	if err != nil {
		return nil, nil, err
	}
	converted = f.write()
	if _, err := inventory.Parse("converted", converted); err != nil {
		return nil, nil, fmt.Errorf("cannot convert %s: %w", path, err)
	}
	return converted, s.warnings, nil
}

// read tells the forms apart as Ansible does: by trying, but a script never.
func (s *source) read(data []byte) error {
	if bytes.HasPrefix(data, []byte("#!")) {
		return fmt.Errorf("%s: it is a script: give the output of \"ansible-inventory --list --yaml\" instead", s.path)
	}
	switch filepath.Ext(s.path) {
	case ".yml", ".yaml", ".json":
		return s.readYAML(data)
	}
	if first := bytes.TrimLeft(data, " \t\r\n"); bytes.HasPrefix(first, []byte("---")) || bytes.HasPrefix(first, []byte("all:")) {
		return s.readYAML(data)
	}
	return s.readINI(string(data))
}

// dropUnnameable leaves out hosts whose names ours cannot be.
func (s *source) dropUnnameable() error {
	for _, name := range slices.Clone(s.names) {
		err := inventory.ValidateName(name)
		if name == all {
			err = errors.New("all hosts together are called so")
		}
		if err == nil {
			continue
		}
		s.warn("host %s is left out: %v", name, err)
		delete(s.hosts, name)
		s.names = slices.DeleteFunc(s.names, func(n string) bool { return n == name })
		for _, g := range s.groups {
			g.drop(name)
		}
	}
	if len(s.names) == 0 {
		return fmt.Errorf("cannot convert %s: it has no host", s.path)
	}
	return nil
}

// drop takes a host out of a group, whose patterns then name the others singly.
func (g *group) drop(name string) {
	if !g.has[name] {
		return
	}
	delete(g.has, name)
	g.hosts = slices.DeleteFunc(g.hosts, func(n string) bool { return n == name })
	g.patterns = g.hosts
}
