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

// reach is the way to the hosts of a rollout, from the plan to the last job. The
// connection of a host stays open in between, as long as there is room for it. Its
// methods may be called concurrently.
type reach struct {
	fleet  *remote.Fleet
	tunnel *tunnel // nil where no host needs one

	mu    sync.Mutex
	links map[inventory.HostName]*remote.Link
}

// withReach calls fn with the way to hosts, and closes it.
func (in *installation) withReach(hosts []inventory.Host, fn func(*reach) error) error {
	r, err := in.newReach()
	if err != nil {
		return err
	}
	if r.tunnel, err = in.tunnelFor(hosts); err == nil {
		err = fn(r)
	}
	return errors.Join(err, r.Close())
}

// newReach returns the way to hosts that need no tunnel.
func (in *installation) newReach() (*reach, error) {
	fleet, err := in.fleet(remote.Options{})
	if err != nil {
		return nil, err
	}
	return &reach{fleet: fleet, links: map[inventory.HostName]*remote.Link{}}, nil
}

// Close ends all connections.
func (r *reach) Close() error { return errors.Join(r.tunnel.Close(), r.fleet.Close()) }

// link returns the way to a host, the same until it is left.
func (r *reach) link(h inventory.Host) *remote.Link {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.links[h.Name]
	if l == nil {
		l = r.fleet.Link(h)
		r.links[h.Name] = l
	}
	return l
}

// leave ends the connection to a host.
func (r *reach) leave(host inventory.HostName) error {
	r.mu.Lock()
	l := r.links[host]
	delete(r.links, host)
	r.mu.Unlock()
	if l == nil {
		return nil
	}
	return l.Close()
}

// through calls fn with the proxy by which a host's apt reaches the repository,
// which is none for most hosts.
func (r *reach) through(ctx context.Context, h inventory.Host, fn func(hostjob.Proxy) error) error {
	if !h.Tunnel {
		return fn(hostjob.Proxy{})
	}
	proxy, closer, err := steps.OpenTunnel(ctx, r.link(h), r.tunnel.host, r.tunnel.serve)
	if err != nil {
		return err
	}
	defer closer.Close() // with the connection gone there is nothing to give back
	return fn(proxy)
}
