package config

import (
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"
)

var (
	//go:embed aptfleet.toml
	starterConfig string
	//go:embed inventory.toml
	starterInventory string
)

// Choices are what a starter configuration can be given from the beginning. The
// zero value leaves the examples in it.
type Choices struct {
	State  string // folder
	URL    string // of the repository
	Origin string // of the repository
}

// Starter returns what init writes for a new installation: an aptfleet.toml and
// the inventory that it names, with comments. The error is that of a
// configuration with choices that can't be meant.
func Starter(c Choices) (config, inventory []byte, err error) {
	text := starterConfig
	choose := func(line, key, value string) {
		if value != "" {
			text = strings.Replace(text, line, fmt.Sprintf("%s = %q", key, value), 1)
		}
	}
	choose(`#state = "/var/lib/aptfleet"`, "state", c.State)
	if c.State != "" {
		choose(`root = "/var/lib/aptfleet/repository"`, "root", filepath.Join(c.State, "repository"))
	}
	choose(`url  = "http://deploy.example.com:8071"`, "url ", c.URL)
	choose(`origin = "Example"`, "origin", c.Origin)
	if _, err := Parse(FileName, []byte(text)); err != nil {
		return nil, nil, err
	}
	return []byte(text), []byte(starterInventory), nil
}
