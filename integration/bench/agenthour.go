package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/integration/bench/measure"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// agentHourLooks is how often the agent is looked at in its hour: once a minute.
const agentHourLooks = 60

// agentHour is what the subject agent has no time for: the agent reports for a
// real hour, at its own interval of 10 s, and is looked at every minute. Its log
// has a line a look.
func agentHour(ctx context.Context, b *bench) error {
	archive, _, err := buildAgent(ctx, b.dir)
	if err != nil {
		return err
	}
	return b.onAgentHost(ctx, archive, (*agentHost).hour)
}

// hourly is what the looks of the hour have shown so far.
type hourly struct {
	begun           time.Time
	first, last     agentLook
	greatest        int64 // bytes
	heard, notWell  atomic.Int64
	lastNotWellSays atomic.Value // string
}

// agentLook is what a look at the agent's process shows.
type agentLook struct {
	at                 time.Time
	resident, high     int64 // bytes; high is the kernel's own mark of the greatest
	ticks, ofItsChilds int64 // of user and system time
}

func (a *agentHost) hour(ctx context.Context) error {
	var h hourly
	heard, err := a.bus.Conn().Subscribe(bus.ReportSubject(a.id), h.hear)
	if err != nil {
		return err
	}
	if err := a.ask(ctx, 1); err != nil { // so that it is up
		return err
	}
	pid, err := a.sh(ctx, "systemctl show --value -p MainPID aptfleet-agent")
	if err != nil {
		return err
	}
	h.heard.Store(0)
	if err := a.lookHourly(ctx, &h, pid); err != nil {
		return err
	}
	if err := heard.Unsubscribe(); err != nil {
		return err
	}
	if n := h.notWell.Load(); n > 0 {
		return fmt.Errorf("%d reports were not of a host that is well: %v", n, h.lastNotWellSays.Load())
	}
	a.claimHour(&h)
	return nil
}

// hear counts a report.
func (h *hourly) hear(m *nats.Msg) {
	h.heard.Add(1)
	r, err := health.Decode(m.Data, time.Now())
	if err != nil {
		h.notWell.Add(1)
		h.lastNotWellSays.Store(err.Error())
		return
	}
	for _, result := range r.Results {
		if !result.OK {
			h.notWell.Add(1)
			h.lastNotWellSays.Store(fmt.Sprintf("%s: %s", result.Probe, result.Output))
		}
	}
}

// lookHourly looks at the agent now and at the end of every minute.
func (a *agentHost) lookHourly(ctx context.Context, h *hourly, pid string) error {
	h.begun = time.Now()
	for n := range agentHourLooks + 1 {
		if !wait(ctx, time.Until(h.begun.Add(time.Duration(n)*time.Minute))) {
			return ctx.Err()
		}
		look, err := a.look(ctx, pid)
		if err != nil {
			return err
		}
		var share float64
		if n > 0 {
			share = cpuShare(h.last, look)
		}
		if n == 1 { // what began with it is over: apt was asked for upgrades
			h.first = look
		}
		h.last, h.greatest = look, max(h.greatest, look.resident)
		fmt.Fprintf(a.log, "agenthour: minute %d: resident %.2f MiB (at most %.2f), CPU %.3f %% of a core in this minute, %d reports so far\n",
			n, measure.MiB(look.resident), measure.MiB(look.high), share, h.heard.Load())
	}
	return nil
}

// look reads the agent's memory and CPU without waking anything on the host.
func (a *agentHost) look(ctx context.Context, pid string) (l agentLook, err error) {
	out, err := a.Exec(ctx, "cat", "/proc/"+pid+"/stat", "/proc/"+pid+"/status")
	if err != nil {
		return l, err
	}
	l.at = time.Now()
	stat, status, _ := strings.Cut(string(out), "\n")
	if l.ticks, l.ofItsChilds, err = readTicks(stat); err != nil {
		return l, err
	}
	var err1, err2 error
	l.resident, err1 = readKiB(status, "VmRSS")
	l.high, err2 = readKiB(status, "VmHWM")
	return l, errors.Join(err1, err2)
}

// readKiB reads a line such as "VmRSS:	    9132 kB" of proc_pid_status(5), in bytes.
func readKiB(status, name string) (int64, error) {
	_, rest, _ := strings.Cut(status, name+":")
	value, _, _ := strings.Cut(rest, " kB\n")
	kib, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("cannot read %s of the agent from %q: %w", name, status, err)
	}
	return kib << 10, nil
}

// cpuShare is the share of a core between two looks, in percent.
func cpuShare(from, to agentLook) float64 {
	return 100 * float64(to.ticks-from.ticks) / clockTicks / to.at.Sub(from.at).Seconds()
}

func (a *agentHost) claimHour(h *hourly) {
	const what = "agent, a real hour at 10 s with 10 probes: "
	a.table.Add(measure.Claim{What: what + "resident at its end", Unit: measure.Mebibytes, Ours: measure.MiB(h.last.resident), Most: 12})
	a.table.Add(measure.Claim{What: what + "greatest that was resident", Unit: measure.Mebibytes, Ours: measure.MiB(max(h.greatest, h.last.high)), Most: 12})
	a.table.Add(measure.Claim{What: what + "CPU, of a core", Unit: "%", Ours: cpuShare(h.first, h.last), Most: 0.1})
	children := 100 * float64(h.last.ofItsChilds) / clockTicks / h.last.at.Sub(h.begun).Seconds()
	fmt.Fprintf(a.log, "agenthour: the programs that it ran (apt) took %.3f %% of a core more\n", children)
	// With jitter, an interval is 10 s on average.
	a.table.Add(measure.Claim{What: what + "reports that are missing", Ours: max(0, 0.95*hourOfReports-float64(h.heard.Load())), Most: 0})
}
