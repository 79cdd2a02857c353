package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/remote"
)

// Tunnel is an Apt step on a host that has no way to the repository: while it
// runs, a port on the host's loopback leads through the SSH connection to Serve,
// and apt takes it for its proxy. Nothing of it stays on the host.
type Tunnel struct {
	*Apt
	Link       *remote.Link
	Repository string         // name of the repository's host, as the apt source has it
	Serve      func(net.Conn) // answers as an HTTP proxy until the connection ends
}

var _ engine.Step = Tunnel{}

// Do opens the tunnel for as long as the job runs.
func (t Tunnel) Do(ctx context.Context) error {
	return t.through(ctx, func() error { return t.Apt.Do(ctx) })
}

// Undo opens the tunnel for as long as it takes to go back.
func (t Tunnel) Undo(ctx context.Context, undo json.RawMessage) error {
	return t.through(ctx, func() error { return t.Apt.Undo(ctx, undo) })
}

func (t Tunnel) through(ctx context.Context, work func() error) error {
	proxy, closer, err := OpenTunnel(ctx, t.Link, t.Repository, t.Serve)
	if err != nil {
		return err
	}
	defer closer.Close() // with the connection gone there is nothing to give back
	t.Spec.Proxy = proxy
	return work()
}

// OpenTunnel opens a port on the host's loopback that leads to serve, and
// returns the proxy that apt is to use for the repository until it is closed. Its
// error has the verdict of a host on which nothing was done.
func OpenTunnel(ctx context.Context, link *remote.Link, repository string, serve func(net.Conn)) (hostjob.Proxy, io.Closer, error) {
	forward, err := link.Forward(ctx, serve)
	if err != nil {
		err = fmt.Errorf("cannot open a tunnel to the repository: %w", err)
		return hostjob.Proxy{}, nil, judge(hostjob.Outcome{Verdict: hostjob.NotStarted}, err)
	}
	return hostjob.Proxy{For: repository, URL: "http://127.0.0.1:" + strconv.Itoa(forward.Port())}, forward, nil
}
