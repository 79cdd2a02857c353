package agent

import "time"

// pace is when the next report is due: in any case, and for news.
type pace struct {
	next, soon *time.Timer
	last       time.Time // when news were last looked for
}

// newPace has a first report due after d.
func newPace(d time.Duration) pace {
	p := pace{next: time.NewTimer(d), soon: time.NewTimer(d)}
	p.soon.Stop()
	return p
}

// hurry has news looked for now, or soon if that was done just before.
func (p *pace) hurry() { p.soon.Reset(gap - min(gap, time.Since(p.last))) }

func (p *pace) stop() {
	p.next.Stop()
	p.soon.Stop()
}
