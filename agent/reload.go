package agent

import (
	"slices"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// reload takes up what changed in the files. If something in them cannot be
// meant, all stays as it was.
func (a *Agent) reload() {
	if !a.changes.filesChanged(a.config.settings.CA) {
		return
	}
	now, err := readConfig(a.Files)
	if err != nil {
		a.Log.Error("the files changed, and are not taken up", "error", err)
		return
	}
	before := a.config
	a.mu.Lock()
	a.config = now
	a.mu.Unlock()
	if !before.sameProbes(now) {
		a.Log.Info("the probes changed", "probes", len(now.probes))
		a.lookout.halt()
		a.begin()
		a.pace.next.Reset(jitter(now.settings.Interval))
		a.board.news.give() // that some are not looked at any more
	}
	switch {
	case !before.sameLink(now):
		a.relink(before)
	case before.token != now.token:
		a.Log.Info("the token changed")
		if err := a.link.conn.ForceReconnect(); err != nil {
			a.Log.Warn("cannot connect anew", "error", err)
		}
	}
}

// relink connects anew; if that cannot even begin, the old connection stays.
func (a *Agent) relink(before config) {
	a.Log.Info("the connection is made anew", "servers", a.config.settings.Servers)
	link, err := dial(a.linkOptions())
	if err != nil {
		a.Log.Error("the settings changed, and are not taken up", "error", err)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.config.settings.Servers, a.config.settings.CA, a.config.ca, a.config.id = before.settings.Servers, before.settings.CA, before.ca, before.id
		return
	}
	a.link.close()
	a.link = link
}

// unitChanged looks soon at what may have changed.
func (a *Agent) unitChanged(unit string) {
	a.because(func(p health.Probe) bool { return p.Kind == health.Unit && p.Target == unit })
}

// dpkgChanged looks soon at what depends on packages; the versions themselves
// are news too.
func (a *Agent) dpkgChanged() {
	a.because(func(p health.Probe) bool { return len(p.Packages()) > 0 })
	a.board.news.give()
}

func (a *Agent) because(of func(health.Probe) bool) {
	a.mu.Lock()
	l := a.lookout
	a.mu.Unlock()
	l.because(of)
}

// complete reports that each of the probes has a result.
func complete(probes []health.Probe, results []health.Result) bool {
	return !slices.ContainsFunc(probes, func(p health.Probe) bool {
		return !slices.ContainsFunc(results, func(r health.Result) bool { return r.Probe == p.Name() })
	})
}
