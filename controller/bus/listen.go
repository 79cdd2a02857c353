package bus

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Listen is where the bus listens to agents and to controllers elsewhere.
type Listen struct {
	Address string   // HOST:PORT; no host is all addresses, port 0 any free one
	Names   []string // by which agents reach it

	// Files of a certificate and its key; "" is one of the installation's own
	// authority. They are read again when they change.
	Certificate, Key string
}

// handshakeTimeout is the time to say who one is. The server's own, 2 s, is too
// short where thousands come back at once (FACTS).
const handshakeTimeout = 20 // seconds

// maxConnections bounds the connections of agents; open files do so earlier.
const maxConnections = 1 << 20

// Garbage is how much garbage a process should let lie about that keeps the
// connections of thousands of agents, in percent of what is live (SetGCPercent of
// runtime/debug). They are live for months, and little is allocated meanwhile.
const Garbage = 20

// open lets a server listen.
func (l *Listen) open(o *server.Options, folder string) error {
	host, text, err := net.SplitHostPort(l.Address)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return fmt.Errorf("cannot listen at %s: %q is no port", l.Address, text)
	}
	o.DontListen, o.Host, o.Port = false, host, int(port)
	if port == 0 {
		o.Port = server.RANDOM_PORT
	}
	o.TLS, o.TLSTimeout, o.AuthTimeout, o.MaxConn = true, handshakeTimeout, handshakeTimeout, maxConnections
	o.TLSConfig, err = l.tls(folder)
	return err
}

// tls returns how the server proves who it is.
func (l *Listen) tls(folder string) (*tls.Config, error) {
	f := &files{certificate: l.Certificate, key: l.Key}
	c := &certificate{load: f.load, fresh: f.unchanged}
	if l.Certificate == "" {
		a, err := ownAuthority(filepath.Join(folder, authorityName))
		if err != nil {
			return nil, err
		}
		c.load, c.fresh = func() (*tls.Certificate, error) { return l.issue(a) }, halfway
	}
	if _, err := c.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: c.get}, nil
}

// issue returns a new certificate of our own authority.
func (l *Listen) issue(a *authority) (*tls.Certificate, error) {
	names := slices.Concat(l.Names, []string{"localhost", "127.0.0.1", "::1"})
	data, err := a.issue(names, serverLife)
	if err != nil {
		return nil, fmt.Errorf("cannot make the bus's certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(data, data)
	return &pair, err
}

// halfway reports whether a certificate of ours has most of its life before it.
func halfway(c *tls.Certificate) bool { return time.Until(c.Leaf.NotAfter) > serverLife/2 }

// files are those of a certificate and its key, of which the one is replaced a moment
// after the other. They belong to a certificate, and are guarded by its lock.
type files struct {
	certificate, key string
	read             [2]time.Time // when those were written that fit each other
}

func (f *files) load() (*tls.Certificate, error) {
	written, err := f.written() // before they are read: what changes meanwhile is read again
	if err != nil {
		return nil, fmt.Errorf("cannot use the bus's certificate: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		return nil, fmt.Errorf("cannot use the bus's certificate: %w", err)
	}
	f.read = written
	return &pair, nil
}

// unchanged reports whether the files are those that were read the last time.
func (f *files) unchanged(*tls.Certificate) bool {
	written, err := f.written()
	return err != nil || written == f.read // without one of them, somebody is about to replace it
}

func (f *files) written() (at [2]time.Time, err error) {
	for i, path := range []string{f.certificate, f.key} {
		info, err := os.Stat(path)
		if err != nil {
			return at, err
		}
		at[i] = info.ModTime()
	}
	return at, nil
}

// certificate is one that is replaced while the server runs.
type certificate struct {
	load  func() (*tls.Certificate, error)
	fresh func(*tls.Certificate) bool

	mu  sync.Mutex
	now *tls.Certificate
}

// get is for tls.Config. Where no new certificate can be had the old one stays:
// agents that still take it are better than none.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now != nil && c.fresh(c.now) {
		return c.now, nil
	}
	next, err := c.load()
	if err == nil {
		c.now = next
	}
	if c.now == nil {
		return nil, err
	}
	return c.now, nil
}
