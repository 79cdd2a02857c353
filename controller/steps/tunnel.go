package steps

import (
	"context"
	"encoding/json"
	"fmt"
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
	forward, err := t.Link.Forward(ctx, t.Serve)
	if err != nil {
		return judge(hostjob.Outcome{Verdict: hostjob.NotStarted}, fmt.Errorf("cannot open a tunnel to the repository: %w", err))
	}
	defer forward.Close() // with the connection gone there is nothing to give back
	t.Spec.Proxy = hostjob.Proxy{For: t.Repository, URL: "http://127.0.0.1:" + strconv.Itoa(forward.Port())}
	return work()
}
