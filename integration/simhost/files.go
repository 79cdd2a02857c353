package simhost

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Files are what clients need to reach the fleet.
type Files struct {
	Identity   string // a private key that all hosts accept
	KnownHosts string // names in plain
	Hashed     string // the same with names hashed
	Hosts      string // one address a line, for parallel-ssh and the like
	Inventory  string // for aptfleet: a group "sim" of all hosts
	SSHConfig  string // for ssh and what calls it: key, port and known hosts
}

// WriteFiles writes all Files into dir, which must exist.
func (f *Fleet) WriteFiles(dir string) (Files, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Files{}, fmt.Errorf("cannot find the folder for clients: %w", err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	files := Files{at("identity"), at("known_hosts"), at("known_hosts.hashed"), at("hosts"), at("inventory.toml"), at("ssh_config")}
	key, err := pemOf(clientKey(f.options.Seed))
	if err != nil {
		return Files{}, err
	}
	var plain, hashed strings.Builder
	if err := f.WriteKnownHosts(&plain, false); err != nil {
		return Files{}, err
	}
	if err := f.WriteKnownHosts(&hashed, true); err != nil {
		return Files{}, err
	}
	for path, text := range map[string]string{
		files.Identity: string(key), files.KnownHosts: plain.String(), files.Hashed: hashed.String(),
		files.Hosts: f.addresses(), files.Inventory: f.inventory(files), files.SSHConfig: f.sshConfig(files),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return Files{}, fmt.Errorf("cannot write a file for clients: %w", err)
		}
	}
	return files, nil
}

func (f *Fleet) addresses() string {
	var text strings.Builder
	for host := range f.options.Hosts {
		fmt.Fprintln(&text, f.Address(host).Addr())
	}
	return text.String()
}

// inventory is TOML as aptfleet reads it. Hosts get time to answer, since one
// machine plays them all, and the clients too.
func (f *Fleet) inventory(files Files) string {
	var text strings.Builder
	fmt.Fprintf(&text, "[defaults]\nuser = \"root\"\nport = %d\nidentity = %q\nbecome = \"none\"\nconnect_timeout = \"60s\"\n\n[groups.sim]\nhosts = [\n",
		f.options.Port, files.Identity)
	for host := range f.options.Hosts {
		fmt.Fprintf(&text, "\t%q,\n", f.Address(host).Addr())
	}
	text.WriteString("]\n")
	return text.String()
}

func (f *Fleet) sshConfig(files Files) string {
	return fmt.Sprintf(`Host 127.*
	User root
	Port %d
	IdentityFile %s
	IdentitiesOnly yes
	UserKnownHostsFile %s
	GlobalKnownHostsFile /dev/null
	StrictHostKeyChecking yes
	BatchMode yes
`, f.options.Port, files.Identity, files.KnownHosts)
}
