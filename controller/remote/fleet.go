// Package remote reaches hosts over SSH.
//
// A Fleet owns what hosts share: the keys to log in with, what known_hosts
// says, the connections to bastions, and two limits: on handshakes under way,
// which cost CPU, and on hosts connected, which cost memory. A Link is one host
// of it. A Link dials when it is first used, keeps the connection for all steps
// of its host, and dials again on the next use after the connection went.
//
// What a command did whose connection was lost is not known (ErrLost): it may
// go on without us. So nothing here runs a command twice by itself; only
// connecting is tried again.
//
// No key, host key or password is stored; the one file ever written is
// known_hosts, and only where Options.AcceptNew asks for it. A controller that
// dies leaves nothing behind but the commands that run on hosts.
package remote

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/aptfleet/aptfleet/inventory"
)

// Options say how to reach a fleet. The zero value does what ssh would.
type Options struct {
	// KnownHosts are the files with the keys of hosts, for hosts that name
	// none; nil is ssh's own. The first one gets the keys of new hosts.
	KnownHosts []string
	// AcceptNew records the key of a host that no file knows instead of
	// refusing it. A key that differs from a known one is always refused.
	AcceptNew bool

	User     string   // login where the host names none; "" is whoever runs this
	Identity []string // private keys offered after the host's own
	Agent    string   // socket of the ssh-agent; "" is $SSH_AUTH_SOCK, "none" is none

	// Resolve fills in what ~/.ssh/config says about a bastion; nil leaves it.
	Resolve func(inventory.Host) (inventory.Host, error)

	Handshakes     int           // at the same time; 0 is 128 a core, at most 512
	Live           int           // hosts connected at the same time; 0 is 2048
	ConnectTimeout time.Duration // of one try, where the host names none; 0 is 10 s
	KeepAlive      time.Duration // silence after which a connection in use is asked; 0 is 10 s
	Tries          int           // to connect; 0 is 3
	TryAfter       time.Duration // pause between them; 0 is 5 s, because sshd punishes haste
	MaxOutput      int           // bytes of stdout, and of stderr, kept of a command; 0 is 4 MiB
}

func (o Options) withDefaults() Options {
	def(&o.Handshakes, min(512, 128*runtime.GOMAXPROCS(0)))
	def(&o.Live, 2048)
	def(&o.ConnectTimeout, 10*time.Second)
	def(&o.KeepAlive, 10*time.Second)
	def(&o.Tries, 3)
	def(&o.TryAfter, 5*time.Second)
	def(&o.MaxOutput, 4<<20)
	if me, err := user.Current(); err == nil { // else every host must name its user
		def(&o.User, me.Username)
	}
	def(&o.Agent, os.Getenv("SSH_AUTH_SOCK"))
	if o.Agent == "none" {
		o.Agent = ""
	}
	return o
}

// def sets *v where it is the zero value.
func def[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// Fleet owns the connections to hosts and what they share. Its methods may be
// called concurrently.
type Fleet struct {
	opt        Options
	keys       *identities
	handshakes *semaphore.Weighted
	pool       connPool
	closing    chan struct{}
	serving    sync.WaitGroup // of the goroutines that belong to the fleet

	mu       sync.Mutex
	closed   bool
	conns    map[*conn]struct{}
	known    map[string]*knownHosts // by its files
	bastions map[string]*bastion    // by the way to them
}

// New returns a Fleet that has connected to nothing yet.
func New(o Options) (*Fleet, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	o, err := o.fit()
	if err != nil {
		return nil, err
	}
	f := &Fleet{
		opt:        o,
		keys:       &identities{files: o.Identity, socket: o.Agent, chosen: map[string]*keys{}},
		handshakes: semaphore.NewWeighted(int64(o.Handshakes)),
		pool:       connPool{free: o.Live, maxIdle: maxIdleConns},
		closing:    make(chan struct{}),
		conns:      map[*conn]struct{}{},
		known:      map[string]*knownHosts{},
		bastions:   map[string]*bastion{},
	}
	f.serving.Go(f.watch)
	return f, nil
}

func (o Options) validate() error {
	for name, n := range map[string]int64{
		"Handshakes": int64(o.Handshakes), "Live": int64(o.Live), "ConnectTimeout": int64(o.ConnectTimeout), "KeepAlive": int64(o.KeepAlive),
		"Tries": int64(o.Tries), "TryAfter": int64(o.TryAfter), "MaxOutput": int64(o.MaxOutput),
	} {
		if n < 0 {
			return fmt.Errorf("cannot reach hosts: %s is negative", name)
		}
	}
	return nil
}

// Link returns the way to a host. It does no I/O. Close it once the host is
// done with, so that its place can go to another one.
func (f *Fleet) Link(h inventory.Host) *Link {
	return &Link{fleet: f, host: h, dialing: make(chan struct{}, 1), sessions: semaphore.NewWeighted(maxSessions)}
}

// Close ends all connections. Commands that run are lost to us, though not to
// their hosts.
func (f *Fleet) Close() error {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.closing)
	}
	f.mu.Unlock()
	for _, c := range f.all() {
		c.end(errClosed)
	}
	f.serving.Wait()
	return f.keys.close()
}

// knownHosts returns the index of the files that hold for h.
func (f *Fleet) knownHosts(h inventory.Host) (*knownHosts, error) {
	files := h.KnownHosts
	if len(files) == 0 {
		files = f.opt.KnownHosts
	}
	if files == nil {
		files = []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}
	}
	key := fmt.Sprintf("%q", files)
	f.mu.Lock()
	defer f.mu.Unlock()
	if k := f.known[key]; k != nil {
		return k, nil
	}
	var paths []string
	for _, file := range files {
		if file != "none" { // as ssh_config(5) has it
			paths = append(paths, filepath.Clean(expandHome(file)))
		}
	}
	k, err := loadKnownHosts(paths)
	if err == nil {
		f.known[key] = k
	}
	return k, err
}

// acquireHandshake waits for one of the handshakes that may be under way.
func (f *Fleet) acquireHandshake(ctx context.Context) error {
	if f.handshakes.Acquire(ctx, 1) != nil {
		return context.Cause(ctx)
	}
	return nil
}
