package cli

import (
	"fmt"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/inventory"
)

// jobProgress shows the progress of the job on one host: its percent, and in words
// what it waits for.
type jobProgress struct {
	app    *app
	bar    *progress
	stalls *stallMonitor
	host   inventory.HostName
	said   string // what was last said of it
}

// show is called from the goroutine of the job.
func (v *jobProgress) show(p hostjob.Progress) {
	v.stalls.update(v.host, doing(p), p.Said)
	v.set(int(p.Percent), waiting(p))
}

// set shows how far the host is, and what it waits for once that is something else.
func (v *jobProgress) set(percent int, waits string) {
	v.bar.set(v.host, percent)
	if waits == v.said {
		return
	}
	v.said = waits
	if waits != "" {
		v.bar.say(v.app, "%-24s %s", v.host, printable(waits))
	}
}

// waiting says what a job waits for, or nothing.
func waiting(p hostjob.Progress) string {
	switch {
	case p.Lost != "":
		return "waiting: " + p.Lost
	case p.Holder != (hostjob.Holder{}):
		return fmt.Sprintf("waiting for a lock that process %d (%s) holds", p.Holder.PID, p.Holder.Program)
	}
	return ""
}
