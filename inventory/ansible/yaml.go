package ansible

import (
	"fmt"
	"maps"

	"github.com/goccy/go-yaml"
)

// readYAML reads the YAML form: groups by name, each with hosts, children, vars.
func (s *source) readYAML(data []byte) error {
	var top yaml.MapSlice
	if err := decodeYAML(data, &top); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	for _, item := range top {
		name := fmt.Sprint(item.Key)
		if name == "plugin" {
			return fmt.Errorf("%s: it configures the inventory plugin %v: give the output of \"ansible-inventory --list --yaml\" instead", s.path, item.Value)
		}
		if err := s.yamlGroup(name, item.Value); err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
	}
	return nil
}

func (s *source) yamlGroup(name string, body any) error {
	g := s.group(name)
	parts, err := tableOf(body)
	if err != nil {
		return fmt.Errorf("group %s: %w", name, err)
	}
	for _, part := range parts {
		items, err := tableOf(part.Value)
		if err != nil {
			return fmt.Errorf("group %s: %v: %w", name, part.Key, err)
		}
		switch part.Key {
		case "hosts":
			err = s.yamlHosts(g, items)
		case "children":
			for _, item := range items {
				child := fmt.Sprint(item.Key)
				g.addChild(child)
				if err == nil {
					err = s.yamlGroup(child, item.Value)
				}
			}
		case "vars":
			maps.Copy(g.inline, plain(items))
		default:
			return fmt.Errorf("group %s: %v is neither hosts, children nor vars", name, part.Key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *source) yamlHosts(g *group, items yaml.MapSlice) error {
	for _, item := range items {
		vars, err := tableOf(item.Value)
		if err == nil {
			err = s.addHosts(g, fmt.Sprint(item.Key), plain(vars))
		}
		if err != nil {
			return fmt.Errorf("group %s: %v: %w", g.name, item.Key, err)
		}
	}
	return nil
}

// tableOf returns a mapping in its order; nothing at all is an empty one.
func tableOf(v any) (yaml.MapSlice, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case yaml.MapSlice:
		return v, nil
	default:
		return nil, fmt.Errorf("must be a mapping, is %v", v)
	}
}

func plain(items yaml.MapSlice) map[string]any {
	vars := map[string]any{}
	for _, item := range items {
		vars[fmt.Sprint(item.Key)] = item.Value
	}
	return vars
}

func decodeYAML(data []byte, into *yaml.MapSlice) error {
	if err := yaml.UnmarshalWithOptions(data, into, yaml.UseOrderedMap()); err != nil {
		return fmt.Errorf("cannot read YAML: %w", err)
	}
	return nil
}
