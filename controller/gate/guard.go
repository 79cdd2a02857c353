package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// ErrRelapsed is that a host has passed its gate and is not healthy any more.
var ErrRelapsed = errors.New("the host is no longer healthy")

// Feed is all that a Guard needs to know of where reports come from. It is used
// for many hosts at once.
type Feed interface {
	// Subscribe calls heard with the last report of a host, if there is one, and with
	// each that comes, one at a time, until end has returned. heard calls nothing of
	// the Feed.
	Subscribe(host inventory.HostName, heard func(health.Report)) (end func())
	// Ask has a host report now; from then on its reports speak of these packages too.
	Ask(ctx context.Context, host inventory.HostName, packages []string) (health.Report, error)
}

// Guard notices that hosts which have passed their gate are not healthy any more, as
// soon as they report it. It never looks by itself: a host that says nothing is
// taken to be as it was. Its fields are set before the first use.
type Guard struct {
	Feed     Feed
	Deadline time.Duration // by which a host that was booted anew has to be healthy again
	MaxAge   time.Duration // after which a report counts as none; 0 is 30 s
}

// Begin watches a host until end is called. A report in which one of its probes
// fails is a relapse if a gate would judge the host by it: it is not from before
// the host passed its gate, nor old, nor of an earlier boot, and the versions of
// at.After are there. relapsed may be called before Begin returns, and again with
// each such report.
func (g *Guard) Begin(h inventory.Host, at rollout.HostState, relapsed func(why error)) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &hostGuard{
		Guard: g, host: h.Name, relapsed: relapsed,
		watch: newWatch(wantOf(h.Health, at), 0, orElse(g.MaxAge, reportAge), at.Passed),
	}
	unsubscribe := g.Feed.Subscribe(h.Name, func(r health.Report) { s.hear(ctx, r, time.Now()) })
	return func() {
		unsubscribe()
		cancel()
		s.asking.Wait()
	}
}

// hostGuard watches one host.
type hostGuard struct {
	*Guard
	host     inventory.HostName
	relapsed func(why error)
	watch    *watch
	booted   time.Time // when it was, if it has not been healthy since
	asked    time.Time // when it was last
	asking   sync.WaitGroup
}

// hear judges a report.
func (s *hostGuard) hear(ctx context.Context, r health.Report, now time.Time) {
	if s.watch.admit(r, now) != nil {
		return
	}
	if s.watch.enter(r.Boot) {
		s.booted = now
	}
	if !slices.ContainsFunc(r.Results, func(result health.Result) bool { return !result.OK }) {
		s.booted = time.Time{}
		return
	}
	switch faults := s.watch.want.failing(r); {
	case len(faults) == 0: // what fails is no probe of the host any more
	case !s.booted.IsZero() && now.Sub(s.booted) < s.Deadline: // its services are still being started
	case s.watch.doubt(r, now) != nil:
		s.ask(ctx, now)
	default:
		s.relapsed(fmt.Errorf("cannot leave the host as done: %w: %s", ErrRelapsed, describeFaults(faults, now)))
	}
}

// askAgain is the pause between two questions to a host whose reports do not count.
const askAgain = time.Minute

// ask has the host say what its report lacks: agents speak of packages for a while
// only. The answer is heard as all reports are; where there is none, nothing is
// known of the host.
func (s *hostGuard) ask(ctx context.Context, now time.Time) {
	if now.Sub(s.asked) < askAgain {
		return
	}
	s.asked = now
	s.asking.Go(func() { _, _ = s.Feed.Ask(ctx, s.host, s.watch.want.packages()) })
}
