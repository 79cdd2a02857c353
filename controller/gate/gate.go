package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// What Wait returns when a host has not become healthy in time.
var (
	ErrUnhealthy = errors.New("the host is not healthy")
	ErrNoReport  = errors.New("the host's health is not known")
)

// Reporter is all that a gate needs to know of where reports come from. It is
// used for many hosts at once.
type Reporter interface {
	// Follow begins to look at a host; packages are those whose versions are
	// wanted besides what the host's probes need.
	Follow(h inventory.Host, packages []string) Reports
}

// Reports tell how one host is.
type Reports interface {
	// Report returns the newest report, which may be the same as before.
	Report(ctx context.Context) (health.Report, error)
	// Changed is sent to when there is a newer one; nil is never.
	Changed() <-chan struct{}
	Close() error
}

// reportAge is the age after which a report counts as none, where nothing else is said.
const reportAge = 30 * time.Second

// Gate waits until hosts are healthy. Its fields are set before the first use.
type Gate struct {
	Reporter Reporter
	Fallback Reporter      // is asked where Reporter's report does not count; nil is none
	Settle   time.Duration // how long a host must be healthy without a break
	Every    time.Duration // pause between two looks at a host; 0 is 2 s
	MaxAge   time.Duration // after which a report counts as none; 0 is 30 s
}

// Wait returns nil once h has been healthy for Settle: with the versions of
// at.After, and without the packages that at.After no longer has. It returns
// what is wrong when ctx's deadline comes, or as soon as Settle no longer fits
// before it. It only looks, so that it may be called again, and it may be called
// for many hosts at once.
func (g *Gate) Wait(ctx context.Context, h inventory.Host, at rollout.HostState) (err error) {
	want := wantOf(h.Health, at)
	sources := g.follow(h, want.packages())
	defer func() { err = errors.Join(err, sources.Close()) }()
	w := newWatch(want, g.Settle, orElse(g.MaxAge, reportAge), time.Now())
	for {
		report, err := sources.report(ctx, w)
		switch {
		case ctx.Err() != nil && !w.seen.IsZero(): // cut short, which says nothing new
			return w.verdict(ctx)
		case err != nil:
			w.miss(err, time.Now())
		default:
			w.see(report, time.Now())
		}
		if w.settled() {
			return nil
		}
		if w.tooLate(ctx, time.Now()) || !pause(ctx, g.next(w.rest(time.Now())), sources.Changed()) {
			return w.verdict(ctx)
		}
	}
}

// next returns the pause before the next look, at a host that may settle after
// rest. Where that is over, only a newer report is waited for.
func (g *Gate) next(rest time.Duration) time.Duration {
	every := orElse(g.Every, 2*time.Second)
	if rest > 0 {
		return min(every, rest)
	}
	return every
}

// verdict is the error of a host that did not settle.
func (w *watch) verdict(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("cannot wait for the host to be healthy: %w", context.Cause(ctx))
	}
	kind := ErrUnhealthy
	if w.silent {
		kind = ErrNoReport
	}
	return fmt.Errorf("cannot pass the gate: %w: %s", kind, w.describe(time.Now()))
}

// tooLate reports that however healthy the host is from now on, it cannot settle
// in time.
func (w *watch) tooLate(ctx context.Context, now time.Time) bool {
	deadline, limited := ctx.Deadline()
	return limited && now.Add(w.rest(now)).After(deadline)
}

// pause reports whether it was not cut short. It ends early when something has
// changed.
func pause(ctx context.Context, d time.Duration, changed <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-changed:
		return true
	case <-ctx.Done():
		return false
	}
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
