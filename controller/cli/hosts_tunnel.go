package cli

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
)

// tunnel answers hosts that reach the repository through their SSH connection.
// It is an HTTP proxy for the repository's address and no other, and reads the
// repository's files itself: the address need not be served by anybody.
type tunnel struct {
	host   string // of the repository's address
	server *http.Server
	door   *door
}

// newTunnel serves the repository to tunnels, until it is closed.
func (in *installation) newTunnel() (*tunnel, error) {
	address, err := url.Parse(in.Repository.URL)
	if err != nil || address.Scheme != "http" {
		return nil, fmt.Errorf("hosts with tunnel = true need a repository.url that begins with http://, and it is %q", in.Repository.URL)
	}
	repository, err := in.readRepository()
	if err != nil {
		return nil, err
	}
	t := &tunnel{
		host: address.Hostname(),
		server: &http.Server{
			Handler:           onlyFor(address.Host, http.StripPrefix(address.Path, repository.Handler())),
			ReadHeaderTimeout: time.Minute,
		},
		door: &door{conns: make(chan net.Conn), closed: make(chan struct{})},
	}
	go func() { _ = t.server.Serve(t.door) }() // ends with the door
	return t, nil
}

// tunnelFor returns a tunnel if one of the hosts needs it, else nil.
func (in *installation) tunnelFor(hosts []inventory.Host) (*tunnel, error) {
	if !slices.ContainsFunc(hosts, func(h inventory.Host) bool { return h.Tunnel }) {
		return nil, nil
	}
	return in.newTunnel()
}

// Close ends all connections; a nil tunnel has none.
func (t *tunnel) Close() error {
	if t == nil {
		return nil
	}
	return t.server.Close()
}

// serve answers one connection, and returns when it ends.
func (t *tunnel) serve(c net.Conn) { t.door.hand(c) }

// onlyFor refuses requests to a proxy for anything but one host.
func onlyFor(host string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host != host {
			http.Error(w, "only "+host+" is reached through this tunnel", http.StatusForbidden)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// door is a net.Listener for connections that somebody else accepted.
type door struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// hand gives a connection to whoever accepts, and returns when it is closed.
func (d *door) hand(c net.Conn) {
	handed := &handedConn{Conn: c, closed: make(chan struct{})}
	select {
	case d.conns <- handed:
		<-handed.closed
	case <-d.closed:
	}
}

// Accept waits for the next connection.
func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.conns:
		return c, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// Close lets nobody in any more.
func (d *door) Close() error {
	d.once.Do(func() { close(d.closed) })
	return nil
}

// Addr is no address: nothing listens.
func (d *door) Addr() net.Addr { return &net.UnixAddr{Name: "tunnel", Net: "unix"} }

// handedConn tells when it is closed.
type handedConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *handedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
