package probe

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// readUnit asks systemd for all that there is to know of a unit. One that does
// not exist has its LoadState to say so.
func readUnit(ctx context.Context, conn *dbus.Conn, unit string) (seen, error) {
	object := conn.Object(systemdName, pathOf(unit))
	var all, service map[string]dbus.Variant
	if err := object.CallWithContext(ctx, propertyNames+".GetAll", 0, systemdName+".Unit").Store(&all); err != nil {
		return seen{}, err
	}
	if strings.HasSuffix(unit, ".service") {
		if err := object.CallWithContext(ctx, propertyNames+".GetAll", 0, systemdName+".Service").Store(&service); err != nil {
			return seen{}, err
		}
	}
	found := seen{at: time.Now(), state: health.UnitState{
		Load: text(all["LoadState"]), Active: text(all["ActiveState"]), Sub: text(all["SubState"]),
		Result: text(service["Result"]), ExitStatus: text(service["ExecMainStatus"]), Restarts: text(service["NRestarts"]),
	}}
	changed := all["StateChangeTimestampMonotonic"]
	if health.JudgeUnit(health.Probe{Kind: health.Unit, Target: unit}, found.state).OK {
		changed = all["ActiveEnterTimestampMonotonic"]
	} else if found.state.Load == "loaded" {
		said, late := lastSaid(ctx, unit, listening)
		if found.state.Said = said; late {
			found.at = time.Time{} // not remembered, so that the next look asks again
		}
	}
	if µs, ok := changed.Value().(uint64); ok {
		found.since = ofMonotonic(µs)
	}
	return found, nil
}

// text is a property as systemctl shows it; "" where there is none.
func text(v dbus.Variant) string {
	if v.Value() == nil {
		return ""
	}
	return fmt.Sprint(v.Value())
}

// ofMonotonic turns microseconds of systemd's clock, that of CLOCK_MONOTONIC,
// into a time; zero is not known.
func ofMonotonic(µs uint64) time.Time {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil || µs == 0 {
		return time.Time{}
	}
	age := time.Duration(now.Nano()) - time.Duration(µs)*time.Microsecond
	if age < 0 {
		return time.Time{}
	}
	return time.Now().Add(-age)
}

// listening is how long the news that a unit has failed wait for its last words.
const listening = time.Second

// lastSaid returns the last line of a unit's journal, where it can be read. It is a
// courtesy: the unit is judged without it. late says that there was no answer within
// most.
func lastSaid(ctx context.Context, unit string, most time.Duration) (text string, late bool) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	said := &tail{most: health.MaxOutput}
	cmd := exec.CommandContext(ctx, "journalctl", "-q", "-n", "1", "-o", "cat", "--no-pager", "-u", unit)
	cmd.Stdout, cmd.WaitDelay = said, grace
	if cmd.Run() != nil {
		return "", ctx.Err() != nil
	}
	return strings.TrimSpace(said.String()), false
}
