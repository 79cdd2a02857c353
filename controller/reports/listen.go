package reports

import (
	"github.com/aptfleet/aptfleet/controller/gate"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

var _ gate.Feed = (*Reports)(nil)

// listener is told of the reports of one host.
type listener struct{ heard func(health.Report) }

// Subscribe calls heard with the last report of a host, if there is one, and with each
// that comes, one at a time, until end has returned. All others wait meanwhile:
// heard must be quick, and must call no method of Reports.
func (r *Reports) Subscribe(host inventory.HostName, heard func(health.Report)) (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, err := r.source(host); err == nil && s.report != nil {
		heard(*s.report)
	}
	return r.listen(host, heard)
}

// listen has heard called with each report of a host that comes. The caller has the
// lock; end takes it.
func (r *Reports) listen(host inventory.HostName, heard func(health.Report)) (end func()) {
	l := &listener{heard}
	if r.listeners[host] == nil {
		r.listeners[host] = map[*listener]struct{}{}
	}
	r.listeners[host][l] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.listeners[host], l)
		if len(r.listeners[host]) == 0 {
			delete(r.listeners, host)
		}
	}
}
