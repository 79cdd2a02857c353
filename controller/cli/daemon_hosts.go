package cli

import (
	"context"
	"iter"

	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/inventory"
)

// daemonHosts is the daemon as the API's server.Hosts.
type daemonHosts struct{ *daemon }

func (d daemonHosts) Hosts(ctx context.Context, selector string) ([]server.Object, error) {
	hosts, err := d.installation("").hosts(ctx, selector)
	lines := make([]hostLine, len(hosts))
	for i, h := range hosts {
		lines[i] = newHostLine(h)
	}
	return objects(lines, badRequest(err))
}

// maxPings is how many hosts are asked at a time.
const maxPings = 512

func (d daemonHosts) Ping(ctx context.Context, selector string) iter.Seq2[server.Object, error] {
	return d.eachHost(ctx, "", selector, maxPings, func(in *installation, fleet *remote.Fleet) (func(context.Context, inventory.Host) hostReport, error) {
		return func(ctx context.Context, h inventory.Host) hostReport { return ping(ctx, fleet.Link(h)) }, nil
	})
}

// Enroll brings agents too where the bus listens to them, unless it is said.
func (d daemonHosts) Enroll(ctx context.Context, by string, ask server.EnrollRequest) iter.Seq2[server.Object, error] {
	return d.eachHost(ctx, by, ask.Selector, d.config.Load().Rollout.Parallel, func(in *installation, fleet *remote.Fleet) (func(context.Context, inventory.Host) hostReport, error) {
		o := enrollOptions{suites: ask.Suites, agents: in.bringsAgents(ask.Agent)}
		source, err := in.aptSource(ctx, o)
		if err != nil {
			return nil, err
		}
		var agents *agents
		if o.agents {
			agents, err = in.agents(ctx, d.journal.bus)
		}
		return func(ctx context.Context, h inventory.Host) hostReport {
			return enrollHost(ctx, fleet.Link(h), source, agents)
		}, err
	})
}

// eachHost yields what becomes of each host that a selector picks, for somebody.
func (d daemonHosts) eachHost(ctx context.Context, by, selector string, limit int, with func(*installation, *remote.Fleet) (func(context.Context, inventory.Host) hostReport, error)) iter.Seq2[server.Object, error] {
	return func(yield func(server.Object, error) bool) {
		in := d.installation(by)
		hosts, err := in.hosts(ctx, selector)
		if err != nil {
			yield(nil, badRequest(err))
			return
		}
		fleet, err := in.fleet(remote.Options{})
		if err != nil {
			yield(nil, err)
			return
		}
		defer fleet.Close() // every host is over by then
		do, err := with(in, fleet)
		if err != nil {
			yield(nil, err)
			return
		}
		yieldEach(ctx, hosts, limit, do, yield)
	}
}
