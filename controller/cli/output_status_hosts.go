package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// attention has the verdicts that a person must look at, the worst first.
var attention = []rollout.Verdict{rollout.HostStuck, rollout.HostUnknown, rollout.HostFailed, rollout.HostUnreachable}

// text writes the counts first and then the hosts that a person must look at, the
// worst first. Of those that are at work there are only the names.
func (l statusLine) text(w io.Writer) {
	fmt.Fprintf(w, "%s  %s %s  to %s  by %s  %s\n", l.ID, l.Mode, strings.Join(l.Packages, " "), l.Selector, l.Who, l.when())
	fmt.Fprintf(w, "%s\n", l.Summary)
	l.textCourse(w)
	for _, v := range attention {
		for _, fault := range l.faults(v) {
			fault.text(w)
		}
	}
	var running []inventory.HostName
	for _, h := range l.Hosts {
		if h.Verdict == rollout.HostRunning.String() {
			running = append(running, h.Host)
		}
	}
	if len(running) > 0 {
		fmt.Fprintf(w, "  running: %s\n", someHosts(running))
	}
}

// fault is hosts with the same verdict for the same cause.
type fault struct {
	verdict, cause string
	hosts          []inventory.HostName
}

// faults returns those of one verdict, in the order of their first hosts.
func (l statusLine) faults(v rollout.Verdict) (all []*fault) {
	byCause := map[string]*fault{}
	for _, h := range l.Hosts {
		if h.Verdict != v.String() {
			continue
		}
		f := byCause[h.Cause]
		if f == nil {
			f = &fault{verdict: h.Verdict, cause: h.Cause}
			byCause[h.Cause] = f
			all = append(all, f)
		}
		f.hosts = append(f.hosts, h.Host)
	}
	return all
}

// text writes a line a host, or for very many of them one line and some names.
func (f *fault) text(w io.Writer) {
	if len(f.hosts) > maxHosts {
		fmt.Fprintf(w, "  %-24s %-12s %s\n    %s\n", inventory.Count(len(f.hosts)), f.verdict, printable(f.cause), someHosts(f.hosts))
		return
	}
	for _, h := range f.hosts {
		fmt.Fprintf(w, "  %-24s %-12s %s\n", h, f.verdict, printable(f.cause))
	}
}
