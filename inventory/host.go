package inventory

import (
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// HostName is what a host is called everywhere: in the inventory, the journal,
// results and messages. It is the host's identity; the address is only how to
// reach it.
type HostName string

// Host is one target of apt: a machine reached over SSH, or a chroot on one.
// It is resolved: defaults, groups and the host's own table are merged. The
// zero value of every field but Name means that the inventory does not say.
//
// Hosts share the maps and slices in them; copy before changing one.
type Host struct {
	Name HostName

	Address        string        // host name or IP address to dial; "" is Name
	Port           int           // 0 is not said, which ends as 22
	User           string        // login
	Identity       string        // path of a private key
	Identities     []string      // paths of keys that ssh_config names, offered in this order; ssh passes over what is not there
	Jump           string        // [user@]host[:port], several with commas, nearest first
	Become         string        // "sudo", "none", or "" for not said
	ConnectTimeout time.Duration // of one attempt, all handshakes included
	KnownHosts     []string      // known_hosts files to check the host key against
	HostKeyAlias   string        // name under which known_hosts has the key
	Tunnel         bool          // reach the repository through the SSH connection

	Chroot string            // folder on the machine that is the target's root; "" is the machine itself
	Mutex  string            // of hosts that share it and a pair label, never two at once
	Labels map[string]string // never nil once read from an inventory
	Health []health.Probe    // what must be well on it, sorted by the probes' names
	Groups []string          // every group that holds the host, in the file's order
}

// DialAddress returns the host name or address to connect to: Address, or the
// host's name where the inventory gives none.
func (h Host) DialAddress() string {
	if h.Address != "" {
		return h.Address
	}
	return string(h.Name)
}
