package cli

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/fleethealth"
	"github.com/aptfleet/aptfleet/controller/gate"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// askHealth asks hosts over SSH how they are.
func (in *installation) askHealth(ctx context.Context, hosts []inventory.Host, parallel int) ([]fleethealth.Known, error) {
	last, err := in.lastInstalled(ctx, hosts)
	if err != nil {
		return nil, err
	}
	fleet, err := in.fleet(remote.Options{Tries: 1})
	if err != nil {
		return nil, err
	}
	defer fleet.Close() // all hosts have answered by then
	bar := in.app.newProgress(len(hosts))
	defer bar.end()
	known := make([]fleethealth.Known, len(hosts))
	index := map[inventory.HostName]int{}
	for i, h := range hosts {
		index[h.Name] = i
		known[i] = fleethealth.Known{
			Name: h.Name, Probes: h.Health, Trouble: "was not asked",
			Installed: last[h.Name].versions, InstalledBy: last[h.Name].by,
		}
	}
	engine.EachHost(ctx, hosts, parallel, func(h inventory.Host) engine.Result {
		bar.begin(h.Name)
		k := &known[index[h.Name]]
		ask(ctx, fleet, h, k)
		bar.finish(h.Name, k.Report != nil)
		return engine.Result{Host: h.Name}
	})
	return known, nil
}

// ask fills in what a host says: by its agent, or if that does not speak of all
// the host's probes, by probes over SSH. What the agent knows besides is kept.
func ask(ctx context.Context, fleet *remote.Fleet, h inventory.Host, k *fleethealth.Known) {
	told, err := askAgent(ctx, fleet, h)
	if err != nil {
		k.Trouble = err.Error()
		return
	}
	if told != nil && speaksOf(told, h.Health) {
		k.Report = told
		return
	}
	k.Asked = slices.Sorted(maps.Keys(k.Installed))
	reports := gate.Prober{Fleet: fleet}.Follow(h, k.Asked)
	defer reports.Close() // the connection served one look
	seen, err := reports.Report(ctx)
	if err != nil {
		k.Trouble = err.Error()
		return
	}
	if told != nil {
		seen.Facts = told.Facts
	}
	k.Report = &seen
}

// reportScript prints the agent's report, or nothing where there is no agent. That
// of the machine knows nothing of a chroot.
const reportScript = `[ -z "${APTFLEET_CHROOT:-}" ] && command -v aptfleet-agent >/dev/null || exit 0
exec timeout 60 aptfleet-agent report`

// agentLimit is the time that an agent has for its report, connecting included.
const agentLimit = 90 * time.Second

// askAgent returns what a host's agent reports; nil where there is none, or none
// that can be understood. The error is of a host that cannot be reached.
func askAgent(ctx context.Context, fleet *remote.Fleet, h inventory.Host) (*health.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, agentLimit)
	defer cancel()
	link := fleet.Link(h)
	defer link.Close() // nothing is kept of it
	out, err := link.Run(ctx, remote.Command{Argv: []string{"sh", "-c", reportScript}})
	if _, refused := errors.AsType[*remote.ExitError](err); refused || err == nil && len(out.Stdout) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	report, err := health.Decode(bytes.TrimSpace(out.Stdout), time.Now())
	if err != nil {
		return nil, nil // it is too new, or broken: the host is looked at instead
	}
	return &report, nil
}

// speaksOf reports whether there is a result of every probe.
func speaksOf(r *health.Report, probes []health.Probe) bool {
	return !slices.ContainsFunc(probes, func(p health.Probe) bool {
		_, there := r.Result(p.Name())
		return !there
	})
}
