package ansible

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// readVarsFiles reads group_vars and host_vars beside the inventory.
func (s *source) readVarsFiles() error {
	dir := filepath.Dir(s.path)
	for name, g := range s.groups {
		if err := s.readVars(filepath.Join(dir, "group_vars", name), g.files); err != nil {
			return err
		}
	}
	for name, h := range s.hosts {
		if err := s.readVars(filepath.Join(dir, "host_vars", name), h.vars); err != nil {
			return err
		}
	}
	return nil
}

// readVars reads what belongs to one name: files with the usual endings, and all
// files in a folder.
func (s *source) readVars(base string, into map[string]any) error {
	for _, ending := range []string{"", ".yml", ".yaml", ".json"} {
		info, err := os.Stat(base + ending)
		if err != nil {
			continue // most hosts and groups have none
		}
		if !info.IsDir() {
			if err := s.readVarsFile(base+ending, into); err != nil {
				return err
			}
			continue
		}
		if err := s.readVarsFolder(base+ending, into); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) readVarsFolder(dir string, into map[string]any) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return fmt.Errorf("cannot read variables: %w", err)
		case entry.IsDir(), strings.HasPrefix(name, "."), strings.HasSuffix(name, "~"):
			return nil
		}
		switch filepath.Ext(path) {
		case "", ".yml", ".yaml", ".json":
			return s.readVarsFile(path, into)
		}
		return nil
	})
}

func (s *source) readVarsFile(path string, into map[string]any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot read variables: %w", err)
	}
	if bytes.HasPrefix(data, []byte("$ANSIBLE_VAULT")) {
		s.warn("%s is encrypted and was not read", path)
		return nil
	}
	var items yaml.MapSlice
	if err := decodeYAML(data, &items); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	maps.Copy(into, plain(items))
	return nil
}
