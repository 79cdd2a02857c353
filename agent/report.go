package agent

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/agent/probe"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// answering bounds how long an answer waits for probes. Those that take longer
// are reported as they were before.
const answering = 4 * time.Second

// compose makes a report of what is on the board. Of the same news it is not
// worth to send another before its time: whether probes are well and since when,
// and packages; what probes say may wait.
func (a *Agent) compose(probes []health.Probe) (r health.Report, news string) {
	now := time.Now()
	r = health.Report{Boot: a.boot, At: now.Round(0), Results: a.board.of(probes), Facts: a.facts.now()}
	record(&r, a.Host.Dpkg, slices.Concat(health.Packages(probes), a.watched.names(now)))
	news = fmt.Sprintf("%v %q", r.Packages, r.Audit)
	for i, result := range r.Results {
		news += fmt.Sprintf(" %s %v %d", result.Probe, result.OK, result.Since.UnixNano())
		// By the time that passed, and not by the clock, which may have been set.
		r.Results[i].Since = r.At.Add(-now.Sub(result.Since))
	}
	return r, news
}

// record fills in what dpkg has on record.
func record(r *health.Report, dpkg *probe.Dpkg, names []string) {
	var err error
	if r.Packages, err = dpkg.Versions(names); err == nil {
		r.Audit, err = dpkg.Audit()
	}
	if err != nil {
		r.Audit = err.Error()
	}
}

// reportNews reports if there is something that was not reported. What just
// began is given time to become complete.
func (a *Agent) reportNews() {
	a.pace.last = time.Now()
	r, news := a.compose(a.config.probes)
	if news != a.sent && (complete(a.config.probes, r.Results) || time.Since(a.begun) > patience) {
		a.send(r, news)
	}
}

// report reports in any case.
func (a *Agent) report() { a.send(a.compose(a.config.probes)) }

func (a *Agent) send(r health.Report, news string) {
	a.pace.next.Reset(jitter(a.config.settings.Interval))
	data, err := r.Encode()
	sent := false
	if err == nil {
		sent, err = a.link.send(a.config.id, data)
	}
	if err != nil {
		a.Log.Error("the report is lost", "error", err)
	}
	if sent {
		a.sent = news
	}
}

// answer answers a request with what all probes say now.
func (a *Agent) answer(asked *nats.Msg) {
	request, err := health.DecodeRequest(asked.Data)
	if err != nil {
		a.Log.Warn("a request is not answered", "error", err)
		return
	}
	a.watched.add(request.Packages, time.Now())
	a.mu.Lock()
	lookout, probes := a.lookout, a.config.probes
	a.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), answering)
	defer cancel()
	lookout.fresh(ctx)
	r, _ := a.compose(probes)
	data, err := r.Encode()
	if err == nil {
		err = asked.Respond(data)
	}
	if err != nil {
		a.Log.Warn("a request is not answered", "error", err)
	}
}

// Once returns a report on the host as it is now, with the versions of those
// packages too. Where upgrades are wanted, apt is asked, which takes a second or
// two. Since when things are as they are is not known, but for units.
func (a *Agent) Once(ctx context.Context, packages []string, upgrades bool) (health.Report, error) {
	probes, err := LoadProbes(a.Files.Probes)
	if err != nil {
		return health.Report{}, err
	}
	boot, err := probe.Boot()
	if err != nil {
		return health.Report{}, err
	}
	a.Host.Units.Changed = func(string) {}
	r := health.Report{Boot: boot, Results: make([]health.Result, len(probes))}
	var looking sync.WaitGroup
	for i, p := range probes {
		looking.Go(func() { r.Results[i] = a.Host.Look(ctx, p) })
	}
	facts := &facts{version: a.Version, apt: a.Apt, dpkg: a.Host.Dpkg, reboot: a.Reboot, log: a.Log}
	if upgrades {
		looking.Go(func() { facts.count(ctx) })
	}
	looking.Wait()
	record(&r, a.Host.Dpkg, slices.Concat(health.Packages(probes), packages))
	r.Facts, r.At = facts.now(), time.Now()
	return r, a.Host.Units.Close()
}
