package agent

import "path/filepath"

// Files are the places of an agent's files.
type Files struct {
	Settings string // agent.toml
	Probes   string // probes.json; there may be none
	Token    string // agent.jwt, which the controller signed for the key
	Home     string // the folder of the key
}

// Places are the files in a folder of configuration and one of state.
func Places(etc, home string) Files {
	return Files{
		Settings: filepath.Join(etc, "agent.toml"), Probes: filepath.Join(etc, "probes.json"),
		Token: filepath.Join(etc, "agent.jwt"), Home: home,
	}
}

func (f Files) seed() string { return filepath.Join(f.Home, "agent.seed") }

// machine is where it is kept on which machine the key was made.
func (f Files) machine() string { return filepath.Join(f.Home, "machine-id") }
