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
	host     string // of the repository's address
	server   *http.Server
	listener *connListener
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
		listener: &connListener{conns: make(chan net.Conn), closed: make(chan struct{})},
	}
	go func() { _ = t.server.Serve(t.listener) }() // ends with the listener
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
func (t *tunnel) serve(c net.Conn) { t.listener.serve(c) }

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

// connListener is a net.Listener for connections that somebody else accepted.
type connListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// serve gives a connection to whoever accepts, and returns when it is closed.
func (l *connListener) serve(c net.Conn) {
	served := &servedConn{Conn: c, closed: make(chan struct{})}
	select {
	case l.conns <- served:
		<-served.closed
	case <-l.closed:
	}
}

// Accept waits for the next connection.
func (l *connListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close lets nobody in any more.
func (l *connListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is no address: nothing listens.
func (l *connListener) Addr() net.Addr { return &net.UnixAddr{Name: "tunnel", Net: "unix"} }

// servedConn tells when it is closed.
type servedConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *servedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
