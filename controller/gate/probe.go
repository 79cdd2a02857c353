package gate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// diskScript looks at a folder of the target, which for tests and chroots is not
// at the machine's root.
const diskScript = `exec df -B1 --output=avail -- "${APTFLEET_ROOT:-}$1"`

// unitScript tells of a unit, and of one that is not active the last it said,
// where the login may read that.
const unitScript = `systemctl show --property=LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,` +
	`ActiveEnterTimestampMonotonic,StateChangeTimestampMonotonic -- "$1" || exit
systemctl is-active --quiet -- "$1" || journalctl -q -n 1 -o cat --no-pager -u "$1" 2>/dev/null | sed 's/^/Said=/'`

// commandOf returns the command that carries out a probe on a host; there is none
// for those that go over the network, or that dpkg has answered.
func commandOf(p health.Probe) (command, bool) {
	t := command{limit: p.Limit(), bytes: briefly}
	switch p.Kind {
	case health.Unit:
		t.argv = []string{"sh", "-c", unitScript, "sh", p.Target}
	case health.Disk:
		t.argv = []string{"sh", "-c", diskScript, "sh", p.Target}
	case health.Memory:
		t.argv = []string{"grep", "^MemAvailable:", "/proc/meminfo"}
	case health.Clock:
		t.argv = []string{"date", "-u", "+%s %N"}
	case health.Command:
		t.argv = p.Argv
	default:
		return t, false
	}
	return t, true
}

// resultOf judges how the command of a probe ended.
func resultOf(p health.Probe, o outcome, m moment) health.Result {
	switch {
	case o.status == 124:
		return health.Late(p, o.output)
	case p.Kind == health.Command:
		return health.JudgeCommand(p, o.status, o.output)
	case o.status != 0:
	case p.Kind == health.Unit:
		return unitResult(p, o.output, m)
	case p.Kind == health.Disk:
		return diskResult(p, o.output)
	case p.Kind == health.Memory:
		return memoryResult(p, o.output)
	case p.Kind == health.Clock:
		return clockResult(p, o.output, m)
	}
	return health.Result{Probe: p.Name(), Output: health.Text(o.output)}
}

// diskResult reads the answer of df.
func diskResult(p health.Probe, output string) health.Result {
	if fields := strings.Fields(output); len(fields) == 2 {
		if free, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
			return health.JudgeFree(p, free)
		}
	}
	return health.Result{Probe: p.Name(), Output: health.Text(output)}
}

// memoryResult reads a line of /proc/meminfo (proc_meminfo(5)).
func memoryResult(p health.Probe, output string) health.Result {
	if fields := strings.Fields(output); len(fields) == 3 && fields[2] == "kB" {
		if kib, err := strconv.ParseInt(fields[1], 10, 43); err == nil {
			return health.JudgeFree(p, kib<<10)
		}
	}
	return health.Result{Probe: p.Name(), Output: health.Text(output)}
}

// clockResult reads the seconds and nanoseconds of the host's clock. When within
// the round it was asked is not known, and taken for the host's best.
func clockResult(p health.Probe, output string, m moment) health.Result {
	var seconds, nanoseconds int64
	if n, err := fmt.Sscanf(output, "%d %d\n", &seconds, &nanoseconds); n != 2 || err != nil {
		return health.Result{Probe: p.Name(), Output: health.Text(output)}
	}
	switch clock := time.Unix(seconds, nanoseconds); {
	case clock.Before(m.begun):
		return health.JudgeClock(p, clock.Sub(m.begun))
	case clock.After(m.at):
		return health.JudgeClock(p, clock.Sub(m.at))
	default:
		return health.JudgeClock(p, 0)
	}
}

// unitResult reads what systemctl shows of a unit.
func unitResult(p health.Probe, output string, m moment) health.Result {
	shown := map[string]string{}
	for line := range strings.Lines(output) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok {
			return health.Result{Probe: p.Name(), Output: health.Text(output)}
		}
		shown[key] = value
	}
	r := health.JudgeUnit(p, health.UnitState{
		Load: shown["LoadState"], Active: shown["ActiveState"], Sub: shown["SubState"], Result: shown["Result"],
		ExitStatus: shown["ExecMainStatus"], Restarts: shown["NRestarts"], Said: shown["Said"],
	})
	changed := "StateChangeTimestampMonotonic"
	if r.OK {
		changed = "ActiveEnterTimestampMonotonic"
	}
	if µs, err := strconv.ParseInt(shown[changed], 10, 64); err == nil && µs < 1e15 {
		r.Since = m.since(time.Duration(µs) * time.Microsecond)
	}
	return r
}

// allPackages returns the packages that a report on the host is to speak of.
func allPackages(probes []health.Probe, more []string) []string {
	names := map[string]bool{}
	for _, name := range append(health.Packages(probes), more...) {
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names))
}
