package reports

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/controller/gate"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

var _ gate.Reporter = (*Reports)(nil)

// Follow begins to listen to a host's agent. Packages that nobody asked it for are
// not in its reports, so it is asked.
func (r *Reports) Follow(h inventory.Host, packages []string) gate.Reports {
	f := &follower{reports: r, host: h.Name, packages: packages, changed: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	f.end = r.listen(h.Name, func(health.Report) {
		select {
		case f.changed <- struct{}{}:
		default: // it knows already that there is something
		}
	})
	return f
}

// follower follows the reports of one host.
type follower struct {
	reports  *Reports
	host     inventory.HostName
	packages []string
	changed  chan struct{}
	end      func()
	asked    bool      // the agent knows of the packages
	failed   time.Time // when it did not answer; zero if it did
}

// tooOld is the age from which on a report is worth asking for another.
const tooOld = 3 * time.Second

// Report returns the last report if it is fresh, and else asks for another. An
// agent that did not answer is asked again once it has reported.
func (f *follower) Report(ctx context.Context) (health.Report, error) {
	last, err := f.reports.Report(f.host)
	switch {
	case errors.Is(err, ErrNotEnrolled):
		return last, err
	case err == nil && f.asked && time.Since(last.Received) < tooOld:
		return last, nil
	case !f.failed.IsZero() && !last.Received.After(f.failed):
		return last, fmt.Errorf("%s: its agent did not answer, and has not reported since", f.host)
	}
	answer, err := f.reports.Ask(ctx, f.host, f.packages)
	if err != nil {
		f.failed = time.Now()
		return answer, err
	}
	f.asked, f.failed = true, time.Time{}
	return answer, nil
}

// Changed is sent to when the host has reported.
func (f *follower) Changed() <-chan struct{} { return f.changed }

// Close ends the listening.
func (f *follower) Close() error {
	f.end()
	return nil
}
