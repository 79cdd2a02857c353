package gate

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// TestFallback: a report that says nothing of how the host is now is none, and
// the fallback's counts instead. What an agent says that does count is believed.
func TestFallback(t *testing.T) {
	well := reporter(func(_ context.Context, _ time.Duration, _ *health.Report) error { return nil })
	ill := reporter(func(_ context.Context, _ time.Duration, r *health.Report) error { unit(r, false); return nil })
	lost := reporter(func(context.Context, time.Duration, *health.Report) error { return errors.New("web1: no route") })
	changed := func(change func(r *health.Report)) reporter {
		return func(_ context.Context, _ time.Duration, r *health.Report) error { change(r); return nil }
	}
	rebooted := func() reporter { // the agent's connection lags behind the host's second boot
		return func(_ context.Context, after time.Duration, r *health.Report) error {
			if after > 0 && after < 10*time.Second {
				r.Boot = "second"
			}
			return nil
		}
	}
	silenced := reporter(func(_ context.Context, after time.Duration, r *health.Report) error {
		r.Received = r.Received.Add(-max(0, after-10*time.Second))
		return nil
	})
	for _, tt := range []struct {
		name          string
		agent, prober reporter
		err           error
		text          string
	}{
		{name: "no agent", agent: lost, prober: well},
		{name: "an agent that is healthy, and nothing to look with", agent: well, prober: lost},
		{name: "stale", agent: changed(func(r *health.Report) { r.Received = r.Received.Add(-time.Minute) }), prober: well},
		{name: "stale, and ill meanwhile", agent: silenced, prober: ill, err: ErrUnhealthy, text: "unit shop.service"},
		{name: "before the installation", agent: changed(func(r *health.Report) { r.Received = r.Received.Add(-time.Hour) }), prober: ill, err: ErrUnhealthy, text: "unit shop.service"},
		{name: "an older version", agent: changed(func(r *health.Report) { r.Packages["shop"] = "1" }), prober: well},
		{name: "an older version indeed", agent: changed(func(r *health.Report) { r.Packages["shop"] = "1" }), prober: changed(func(r *health.Report) { r.Packages["shop"] = "1" }), err: ErrUnhealthy, text: "package shop, since 2000-01-01T00:00:00Z (4m32s): 1 is installed, want 2"},
		{name: "a probe it does not know", agent: changed(func(r *health.Report) { r.Results = r.Results[:1] }), prober: well},
		{name: "another boot", agent: rebooted(), prober: changed(func(r *health.Report) { r.Boot = "second" })},
		{name: "another boot, in which it is ill", agent: rebooted(), prober: changed(func(r *health.Report) { r.Boot = "second"; unit(r, false) }), err: ErrUnhealthy, text: "unit shop.service"},
		{name: "a failing unit", agent: ill, prober: well, err: ErrUnhealthy, text: "unit shop.service, since 2000-01-01T00:00:00Z (4m32s): is failed / no database"},
		{name: "neither", agent: lost, prober: lost, err: ErrNoReport, text: "web1: no route; besides, web1: no route"},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				g := &Gate{Reporter: tt.agent, Fallback: tt.prober, Settle: 30 * time.Second}
				err := g.Wait(ctx, inventory.Host{Name: "web1", Health: probes}, installed)
				if !errors.Is(err, tt.err) || tt.err != nil && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("Wait returned %v, want %v: %s", err, tt.err, tt.text)
				}
			})
		})
	}
}

// pushReporter is a reporter that says when there is something new.
type pushReporter struct {
	reporter
	news chan struct{}
}

func (h pushReporter) Follow(host inventory.Host, packages []string) Reports {
	return pushReports{h.reporter.Follow(host, packages), h.news}
}

type pushReports struct {
	Reports
	news chan struct{}
}

func (h pushReports) Changed() <-chan struct{} { return h.news }

// TestFailureIsHeardAtOnce: a gate that can no longer be passed ends as soon as
// the agent says so, and not with the next look.
func TestFailureIsHeardAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		const failed = 20*time.Second + 10*time.Millisecond
		news := make(chan struct{}, 1)
		time.AfterFunc(failed, func() { news <- struct{}{} })
		start := time.Now()
		g := &Gate{Settle: 30 * time.Second, Reporter: pushReporter{func(_ context.Context, after time.Duration, r *health.Report) error {
			unit(r, after < failed)
			return nil
		}, news}}
		err := g.Wait(ctx, inventory.Host{Name: "web1", Health: probes}, installed)
		if took := time.Since(start); took != failed || !errors.Is(err, ErrUnhealthy) {
			t.Errorf("Wait took %v and returned %v", took, err)
		}
	})
}
