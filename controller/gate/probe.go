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

// taskOf returns the command that carries out a probe on a host; there is none
// for those that go over the network, or that dpkg has answered.
func taskOf(p health.Probe) (task, bool) {
	t := task{limit: p.Limit(), bytes: briefly}
	switch p.Kind {
	case health.Unit:
		t.argv = []string{"sh", "-c", unitScript, "sh", p.Target}
	case health.Disk:
		t.argv = []string{"sh", "-c", diskScript, "sh", p.Target}
	case health.Command:
		t.argv = p.Argv
	default:
		return t, false
	}
	return t, true
}

// resultOf judges how the command of a probe ended.
func resultOf(p health.Probe, o outcome, m moment) health.Result {
	r := health.Result{Probe: p.Name(), Output: health.Text(o.output)}
	switch {
	case o.status == 124:
		r.Output = health.Text(fmt.Sprintf("did not end within %v\n%s", p.Limit(), o.output))
	case p.Kind == health.Command:
		if r.OK = o.status == 0; !r.OK {
			r.Output = health.Text(fmt.Sprintf("exited with %d\n%s", o.status, o.output))
		}
	case o.status != 0:
	case p.Kind == health.Unit:
		return unitResult(p, o.output, m)
	case p.Kind == health.Disk:
		return diskResult(p, o.output)
	}
	return r
}

// diskResult reads the answer of df.
func diskResult(p health.Probe, output string) health.Result {
	r := health.Result{Probe: p.Name(), Output: health.Text(output)}
	fields := strings.Fields(output)
	if len(fields) != 2 {
		return r
	}
	free, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return r
	}
	r.OK = free >= p.MinFree
	r.Output = fmt.Sprintf("%d MiB are free, and must be %d MiB", free>>20, (p.MinFree+1<<20-1)>>20)
	return r
}

// unitResult reads what systemctl shows of a unit.
func unitResult(p health.Probe, output string, m moment) health.Result {
	r := health.Result{Probe: p.Name(), Output: health.Text(output)}
	shown := map[string]string{}
	for line := range strings.Lines(output) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok {
			return r
		}
		shown[key] = value
	}
	state := shown["ActiveState"]
	r.OK = shown["LoadState"] == "loaded" && (state == "active" || state == "reloading")
	changed := "StateChangeTimestampMonotonic"
	if r.OK {
		changed = "ActiveEnterTimestampMonotonic"
	}
	if µs, err := strconv.ParseInt(shown[changed], 10, 64); err == nil && µs < 1e15 {
		r.Since = m.since(time.Duration(µs) * time.Microsecond)
	}
	r.Output = health.Text(unitWords(shown))
	return r
}

// unitWords says in words how a unit is.
func unitWords(shown map[string]string) string {
	if load := shown["LoadState"]; load != "loaded" {
		return "is " + load
	}
	words := fmt.Sprintf("is %s (%s)", shown["ActiveState"], shown["SubState"])
	if result := shown["Result"]; result != "" && result != "success" {
		words += fmt.Sprintf(", result %s, exit status %s", result, shown["ExecMainStatus"])
	}
	if n := shown["NRestarts"]; n != "" && n != "0" {
		words += ", restarted " + n + " times"
	}
	if said := shown["Said"]; said != "" {
		words += "\n" + said
	}
	return words
}

// packageResult judges a probe of kind Package by the installed versions.
func packageResult(p health.Probe, installed map[string]string) health.Result {
	version, ok := installed[p.Target]
	if !ok {
		return health.Result{Probe: p.Name(), Output: "is not installed, or only half"}
	}
	return health.Result{Probe: p.Name(), OK: true, Output: version + " is installed"}
}

// allPackages returns the packages that a report on the host is to speak of.
func allPackages(probes []health.Probe, more []string) []string {
	names := map[string]bool{}
	for _, name := range append(health.Packages(probes), more...) {
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names))
}
