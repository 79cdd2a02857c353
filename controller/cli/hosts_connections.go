package cli

import (
	"context"
	"errors"
	"sync"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/controller/steps"
	"github.com/aptfleet/aptfleet/inventory"
)

// connections is the way to the hosts of a rollout, from the plan to the last job. The
// connection of a host stays open in between, as long as there is room for it. Its
// methods may be called concurrently.
type connections struct {
	fleet  *remote.Fleet
	tunnel *tunnel // nil where no host needs one

	mu    sync.Mutex
	links map[inventory.HostName]*remote.Link
}

// withConnections calls fn with the way to hosts, and closes it.
func (in *installation) withConnections(hosts []inventory.Host, fn func(*connections) error) error {
	conns, err := in.newConnections()
	if err != nil {
		return err
	}
	if conns.tunnel, err = in.tunnelFor(hosts); err == nil {
		err = fn(conns)
	}
	return errors.Join(err, conns.Close())
}

// newConnections returns the way to hosts that need no tunnel.
func (in *installation) newConnections() (*connections, error) {
	fleet, err := in.fleet(remote.Options{})
	if err != nil {
		return nil, err
	}
	return &connections{fleet: fleet, links: map[inventory.HostName]*remote.Link{}}, nil
}

// Close ends all connections.
func (c *connections) Close() error { return errors.Join(c.tunnel.Close(), c.fleet.Close()) }

// link returns the way to a host, the same until it is left.
func (c *connections) link(h inventory.Host) *remote.Link {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.links[h.Name]
	if l == nil {
		l = c.fleet.Link(h)
		c.links[h.Name] = l
	}
	return l
}

// close ends the connection to a host.
func (c *connections) close(host inventory.HostName) error {
	c.mu.Lock()
	l := c.links[host]
	delete(c.links, host)
	c.mu.Unlock()
	if l == nil {
		return nil
	}
	return l.Close()
}

// withProxy calls fn with the proxy by which a host's apt reaches the repository,
// which is none for most hosts.
func (c *connections) withProxy(ctx context.Context, h inventory.Host, fn func(hostjob.Proxy) error) error {
	if !h.Tunnel {
		return fn(hostjob.Proxy{})
	}
	proxy, closer, err := steps.OpenTunnel(ctx, c.link(h), c.tunnel.host, c.tunnel.serve)
	if err != nil {
		return err
	}
	defer closer.Close() // with the connection gone there is nothing to give back
	return fn(proxy)
}
