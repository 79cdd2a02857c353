package reports

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// How often an agent may report: at every change, for a while, and else far more
// often than agents do. After so many that are dropped it is banned.
const (
	perSecond  = 2
	atOnce     = 50
	maxDropped = 1000
)

// source is an enrolled host and what is known of it.
type source struct {
	Enrolled
	report    *health.Report // the last; nil is none
	refused   error          // why what came after it was none; nil if nothing came
	boots     []string       // that it had before that report's
	allowance *rate.Limiter
	dropped   int
}

// maxBoots is how many earlier boots of a host are remembered.
const maxBoots = 4

func newSource(e Enrolled) *source {
	return &source{Enrolled: e, allowance: rate.NewLimiter(perSecond, atOnce)}
}

// admit reports whether the agent may report at a time.
func (s *source) admit(now time.Time) bool { return s.allowance.AllowN(now, 1) }

// returned notes the boot of a new report, and reports whether the host had it
// before another one: machines do not go back to a boot.
func (s *source) returned(boot string) bool {
	if s.report == nil || s.report.Boot == boot {
		return false
	}
	back := false
	for _, earlier := range s.boots {
		back = back || earlier == boot
	}
	if !back {
		s.boots = append(s.boots, s.report.Boot)
	}
	if len(s.boots) > maxBoots {
		s.boots = s.boots[1:]
	}
	return back
}
