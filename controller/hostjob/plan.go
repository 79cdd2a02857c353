package hostjob

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Plan is what apt would do on one host for a spec.
type Plan struct {
	Changes []Change // in apt's order
	Sources Refresh  // RefreshOurs, or RefreshAll where our source alone was not enough

	Unchanged Versions // of packages asked for that stay as they are

	Held     []string // packages on hold that it would change; if apt would not go on, all there are
	KeptBack []Change // a dist-upgrade does not make them: a hold, or a dependency
	Deferred []Change // a dist-upgrade does not make them: this host's turn in a phased update has not come

	Download int64 // bytes to be fetched
	Growth   int64 // bytes by which the installed system grows; negative if it shrinks
	System   Disk  // where packages are installed
	Archives Disk  // where they are kept until then

	Damaged []string // packages that dpkg has not finished with, as "name (state)"
	Holder  Holder   // of dpkg's lock at that moment; zero if it is free
	Notes   []string // what a person should know of how it came about
}

// Disk is a file system of a host.
type Disk struct {
	Mount string
	Free  int64 // bytes that others than root may still use
}

// Shortage says in one line what does not fit, or "".
func (p Plan) Shortage() string {
	growth := max(p.Growth, 0)
	switch {
	case p.System.Mount == p.Archives.Mount && growth+p.Download > p.System.Free:
		return fmt.Sprintf("%d bytes are needed on %s, %d are free", growth+p.Download, p.System.Mount, p.System.Free)
	case growth > p.System.Free:
		return fmt.Sprintf("%d bytes are needed on %s, %d are free", growth, p.System.Mount, p.System.Free)
	case p.Download > p.Archives.Free:
		return fmt.Sprintf("%d bytes are needed on %s, %d are free", p.Download, p.Archives.Mount, p.Archives.Free)
	}
	return ""
}

// PlanError says why apt would not do what is asked.
type PlanError struct{ Cause Cause }

func (e *PlanError) Error() string {
	text := "cannot plan: " + e.Cause.Text
	if n := len(e.Cause.Output); n > 0 {
		text += ": " + e.Cause.Output[0]
	}
	return text
}

// planIn bounds each call of apt for a plan, on the host.
const planIn = 2 * time.Minute

// MakePlan asks what Run would do with the same spec, and does nothing on the
// host but refresh its lists. A downgrade and a change of what is on hold are
// planned even where the spec does not allow them. What was phased for some hosts
// only is planned as this host has it.
//
// A *PlanError is apt's own refusal; the plan then has all but changes. Every
// other error is the connection's, or an answer that cannot be read.
func MakePlan(ctx context.Context, sh Shell, spec Spec) (Plan, error) {
	if err := spec.Validate(); err != nil {
		return Plan{}, err
	}
	if len(spec.Changes) > 0 {
		return Plan{}, fmt.Errorf("cannot plan job %s: it is one of changes that were planned already", spec.ID)
	}
	spec = spec.withDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, startIn+2*planIn, errors.New("the host takes too long to plan"))
	defer cancel()
	out, err := sh.Shell(ctx, planScript(), spec.encode(), spec.Proxy.option(), strconv.Itoa(int(planIn.Seconds())))
	if err != nil {
		return Plan{}, fmt.Errorf("cannot plan: %w", err)
	}
	return parsePlan(spec, out)
}
