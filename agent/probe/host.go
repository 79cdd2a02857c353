package probe

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/aptfleet/aptfleet/pkg/health"
	"github.com/aptfleet/aptfleet/pkg/netprobe"
)

// Host is the machine that this program runs on. Its methods may be called
// concurrently.
type Host struct {
	Dpkg  *Dpkg
	Units *Units

	mu      sync.Mutex
	hanging map[string]bool // names of probes of disks whose last look has not ended
}

// Look carries out a probe, and returns soon after its time at the latest.
func (h *Host) Look(ctx context.Context, p health.Probe) health.Result {
	ctx, cancel := context.WithTimeout(ctx, p.Limit())
	defer cancel()
	switch p.Kind {
	case health.Package:
		return h.judgePackage(p)
	case health.Unit:
		return h.Units.look(ctx, p)
	case health.HTTP, health.TCP:
		return h.ask(ctx, p)
	case health.Disk:
		return h.disk(ctx, p)
	case health.Memory:
		return memory(p)
	case health.Clock: // is judged by the reader, whose clock is the measure
		return health.Result{Probe: p.Name(), OK: true, MaxSkew: p.MaxSkew}
	case health.Command:
		return command(ctx, p)
	}
	return failed(p, fmt.Errorf("this agent knows no probe of kind %q", p.Kind))
}

// failed is the result of a probe that could not look.
func failed(p health.Probe, err error) health.Result {
	return health.Result{Probe: p.Name(), Output: health.Text(err.Error())}
}

func (h *Host) judgePackage(p health.Probe) health.Result {
	installed, err := h.Dpkg.Versions(p.Packages())
	if err != nil {
		return failed(p, err)
	}
	return health.JudgePackage(p, installed)
}

// ask goes over the host's own network.
func (h *Host) ask(ctx context.Context, p health.Probe) health.Result {
	answer := netprobe.Ask(ctx, new(net.Dialer).DialContext, p)
	installed, err := h.Dpkg.Versions(p.Packages())
	if err != nil {
		return failed(p, err)
	}
	return answer.Result(p, installed)
}
