package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// SSHConfig is what the user's ssh_config says about hosts. Its methods may be
// called concurrently.
type SSHConfig struct {
	options func(host, user string) (sshOptions, error)
}

// sshOptions are the values of one host by keyword in lower case. A keyword that
// may be given several times has all of its values.
type sshOptions map[string][]string

// sshKeywords are those that Apply looks at.
var sshKeywords = []string{"hostname", "user", "port", "identityfile", "proxyjump", "proxycommand",
	"userknownhostsfile", "hostkeyalias", "connecttimeout"}

// LoadSSHConfig reads ssh_config files, of which the first to say something
// wins. Without a path it reads the user's and the machine's where they exist.
//
// The files are read here, for the sake of 10,000 hosts, unless they have
// something in them that only ssh understands (Match): then ssh is asked for
// each host, once.
func LoadSSHConfig(path ...string) (*SSHConfig, error) {
	files, err := sshConfigFiles(path)
	if err != nil {
		return nil, err
	}
	config, err := readSSHConfig(files)
	if errors.Is(err, errOnlySSH) {
		return askSSH(files)
	}
	return config, err
}

// sshConfigFiles returns absolute paths of the files to read.
func sshConfigFiles(asked []string) ([]string, error) {
	var files []string
	for _, path := range asked {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("cannot read ssh_config: %w", err)
		}
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("cannot read ssh_config %s: %w", path, err)
		}
		files = append(files, abs)
	}
	if len(asked) > 0 {
		return files, nil
	}
	for _, path := range []string{filepath.Join(sshHome(), ".ssh", "config"), "/etc/ssh/ssh_config"} {
		if _, err := os.Stat(path); err == nil {
			files = append(files, path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot read ssh_config: %w", err)
		}
	}
	return files, nil
}

// Apply fills in what the inventory leaves open about h with what ssh would do
// for its name: address, user, port, key, jump hosts, known_hosts, the name
// therein and the time to connect. Of several keys it is the first that exists.
// A ProxyCommand that is more than a jump is an error, because the host could
// not be reached without it.
func (c *SSHConfig) Apply(h Host) (Host, error) {
	said, err := c.options(string(h.Name), h.User)
	if err != nil {
		return h, fmt.Errorf("%s: cannot read ssh_config: %w", h.Name, err)
	}
	a := &application{said: said, host: &h}
	for _, step := range []func() error{a.address, a.login, a.timeout, a.jump, a.files} {
		if err := step(); err != nil {
			return h, fmt.Errorf("%s: cannot use ssh_config: %w", h.Name, err)
		}
	}
	return h, nil
}

// application is one call of Apply. Its steps stand in the order in which ssh
// expands tokens: later ones use what earlier ones found.
type application struct {
	said sshOptions
	host *Host
}

// first returns the first value of a keyword, "" if there is none.
func (a *application) first(keyword string) string {
	if values := a.said[keyword]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func (a *application) address() error {
	pattern := a.first("hostname")
	if a.host.Address != "" || pattern == "" {
		return nil
	}
	address, err := expandTokens(pattern, map[byte]string{'h': string(a.host.Name)})
	if err != nil {
		return fmt.Errorf("HostName %q: %w", pattern, err)
	}
	if address != string(a.host.Name) {
		a.host.Address = address
	}
	return nil
}

func (a *application) login() error {
	if a.host.User == "" {
		a.host.User = a.first("user")
	}
	if a.host.HostKeyAlias == "" {
		a.host.HostKeyAlias = a.first("hostkeyalias")
	}
	text := a.first("port")
	if a.host.Port != 0 || text == "" {
		return nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return fmt.Errorf("%q is no Port", text)
	}
	a.host.Port = port
	return nil
}

func (a *application) timeout() error {
	text := a.first("connecttimeout")
	if a.host.ConnectTimeout != 0 || text == "" || text == "none" {
		return nil
	}
	seconds, err := strconv.Atoi(text)
	if err == nil {
		a.host.ConnectTimeout = time.Duration(seconds) * time.Second
	} else if a.host.ConnectTimeout, err = time.ParseDuration(strings.ToLower(text)); err != nil {
		return fmt.Errorf("ConnectTimeout %q is no length of time", text)
	}
	return nil
}

func (a *application) jump() error {
	if a.host.Jump != "" {
		return nil
	}
	jump := a.first("proxyjump")
	if command := a.first("proxycommand"); jump == "" && command != "" && command != "none" {
		var lost []string
		var ok bool
		if jump, lost, ok = JumpOfProxyCommand(command); !ok || lost != nil {
			return fmt.Errorf("ProxyCommand %q is more than a jump: say ProxyJump, or jump in the inventory", command)
		}
	}
	if jump == "none" {
		return nil
	}
	var err error
	if a.host.Jump, err = expandTokens(jump, a.tokens()); err != nil {
		return fmt.Errorf("ProxyJump %q: %w", jump, err)
	}
	return nil
}

func (a *application) files() error {
	if a.host.Identity == "" {
		identities, err := a.paths(a.said["identityfile"])
		if err != nil {
			return fmt.Errorf("IdentityFile: %w", err)
		}
		a.host.Identities = identities
	}
	if a.host.KnownHosts == nil {
		known, err := a.paths(a.said["userknownhostsfile"])
		if err != nil {
			return fmt.Errorf("UserKnownHostsFile: %w", err)
		}
		a.host.KnownHosts = known
	}
	return nil
}

// paths expands the paths that ssh would open; "none" is no path.
func (a *application) paths(written []string) ([]string, error) {
	var paths []string
	for _, path := range written {
		expanded, err := expandPath(path, a.tokens())
		if err != nil {
			return nil, fmt.Errorf("%q: %w", path, err)
		}
		if expanded != "none" {
			paths = append(paths, expanded)
		}
	}
	return paths, nil
}
