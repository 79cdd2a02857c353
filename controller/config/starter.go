package config

import _ "embed"

var (
	//go:embed aptfleet.toml
	starterConfig []byte
	//go:embed inventory.toml
	starterInventory []byte
)

// Starter returns what init writes for a new installation: an aptfleet.toml and
// the inventory that it names, with comments.
func Starter() (config, inventory []byte) { return starterConfig, starterInventory }
