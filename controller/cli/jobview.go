package cli

import (
	"fmt"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/inventory"
)

// jobView shows the progress of the job on one host: its percent, and in words
// what it waits for.
type jobView struct {
	app     *app
	bar     *progress
	lookout *lookout
	host    inventory.HostName
	said    string // what was last said of it
}

// show is called from the goroutine of the job.
func (v *jobView) show(p hostjob.Progress) {
	v.bar.set(v.host, int(p.Percent))
	v.lookout.see(v.host, doing(p))
	now := waiting(p)
	if now == v.said {
		return
	}
	v.said = now
	if now != "" {
		v.bar.say(v.app, "%-24s %s", v.host, printable(now))
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
