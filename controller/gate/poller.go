package gate

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// Poller notices what a Guard notices, of hosts whose agents nobody hears: it looks by
// itself, now and then. A host on which a probe fails is looked at once more at once; a host
// that cannot be looked at is taken to be as it was. Its fields are set before the
// first use.
type Poller struct {
	Reporter Reporter
	Every    time.Duration // pause between two looks at a host; 0 is 1 min
	Deadline time.Duration // as a Guard's

	// Heard has the last report that a host's agent made by itself. As long as that is not
	// old, a Guard hears of the host, and it is not looked at. nil hears nobody.
	Heard interface {
		Report(host inventory.HostName) (health.Report, error)
	}
}

// Begin watches a host until end is called.
func (p *Poller) Begin(h inventory.Host, at rollout.HostState, relapsed func(why error)) (end func()) {
	guard := Guard{Feed: &polledHost{Poller: p, host: h}, Deadline: p.Deadline}
	return guard.Begin(h, at, relapsed)
}

// polledHost is the Feed of one host, whose reports come from looking at it.
type polledHost struct {
	*Poller
	host  inventory.Host
	mu    sync.Mutex // of a look, and of what is heard of it
	heard func(health.Report)
}

// Subscribe looks at the host, for the first time soon: not at all hosts at once.
func (r *polledHost) Subscribe(_ inventory.HostName, heard func(health.Report)) (end func()) {
	r.heard = heard
	ctx, cancel := context.WithCancel(context.Background())
	var going sync.WaitGroup
	going.Go(func() {
		every := orElse(r.Every, time.Minute)
		for wait := rand.N(every); pause(ctx, wait, nil); wait = every {
			if !r.reports() {
				_, _ = r.Ask(ctx, r.host.Name, nil) // which is heard; where it fails nothing is known
			}
		}
	})
	return func() {
		cancel()
		going.Wait()
	}
}

// reports says whether the host's agent is heard.
func (r *polledHost) reports() bool {
	if r.Heard == nil {
		return false
	}
	last, err := r.Heard.Report(r.host.Name)
	return err == nil && time.Since(last.Received) <= reportAge
}

// Ask looks at the host once.
func (r *polledHost) Ask(ctx context.Context, _ inventory.HostName, packages []string) (health.Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reports := r.Reporter.Follow(r.host, packages)
	defer func() { _ = reports.Close() }() // the look has been had
	report, err := reports.Report(ctx)
	if err == nil && ctx.Err() == nil {
		r.heard(report)
	}
	return report, err
}
