package simhost

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"golang.org/x/crypto/ssh"
)

// Options say what to play. The zero Options play one faultless Debian host.
type Options struct {
	Hosts int        // 0 means 1
	Base  netip.Addr // address of host 0, the others follow; zero means 127.10.0.1
	Port  int        // of every host; 0 lets the system choose one
	// Each opens a listener for every host, so that a host that refuses
	// connections really does. By default one socket serves all, which needs a
	// kernel that lets us bind it to the loopback device; where it does not,
	// there is a listener for every host, too.
	Each bool

	Seed           string          // all keys follow from it
	KeyTypes       []KeyType       // of host keys; empty means Ed25519
	Certificates   bool            // hosts show certificates signed by [Fleet.Authority]
	AuthorizedKeys []ssh.PublicKey // accepted beside the fleet's own key
	UserAuthority  ssh.PublicKey   // its user certificates are accepted; may be nil
	Crypto         ssh.Config      // key exchanges, ciphers, MACs; zero means the library's
	Banner         string          // the version line; "" means that of Debian 12

	RTT    time.Duration // round trip time to add, the TCP handshake's included
	Jitter time.Duration // up to this much more, each way
	Script Script        // nil means that of new(Debian)
	Fault  FaultFunc     // nil means none
	Slow   time.Duration // what a slow host takes longer; 0 means 10 s

	MaxStartups Startups     // per host; zero means no limit
	MaxSessions int          // per connection; 0 means sshd's 10, negative no limit
	Log         *slog.Logger // nil drops it
}

// Validate reports the first option that makes no sense.
func (o Options) Validate() error {
	o = o.withDefaults()
	if !o.Base.Is4() || !o.Base.IsLoopback() || !addressAfter(o.Base, o.Hosts-1).IsLoopback() {
		return fmt.Errorf("%d hosts from %v do not fit into 127.0.0.0/8", o.Hosts, o.Base)
	}
	if o.Hosts < 0 || o.Port < 0 || o.Port > 65535 || o.RTT < 0 || o.Jitter < 0 || o.Slow < 0 {
		return errors.New("negative, or a port above 65535")
	}
	for _, t := range o.KeyTypes {
		if t != Ed25519 && t != ECDSA && t != RSA {
			return fmt.Errorf("unknown type of host key %q", t)
		}
	}
	return o.MaxStartups.validate()
}

func (o Options) withDefaults() Options {
	if o.Hosts == 0 {
		o.Hosts = 1
	}
	if !o.Base.IsValid() {
		o.Base = netip.AddrFrom4([4]byte{127, 10, 0, 1})
	}
	if len(o.KeyTypes) == 0 {
		o.KeyTypes = []KeyType{Ed25519}
	}
	if o.Banner == "" {
		o.Banner = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7"
	}
	if o.Script == nil {
		o.Script = new(Debian).Play
	}
	if o.Fault == nil {
		o.Fault = func(int) Fault { return None }
	}
	if o.Slow == 0 {
		o.Slow = 10 * time.Second
	}
	if o.MaxSessions == 0 {
		o.MaxSessions = 10
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
