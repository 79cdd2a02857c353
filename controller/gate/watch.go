package gate

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// watch is what is known of one host while a gate waits for it. It is fed and
// asked with the time, and has no clock of its own.
type watch struct {
	want   want
	settle time.Duration
	maxAge time.Duration
	begun  time.Time

	boot   string          // of the newest report
	gone   map[string]bool // boots that ended before it
	seen   time.Time       // when the newest report that counts was received
	green  time.Time       // since when all is healthy; zero if it is not
	wrong  []fault         // what is not healthy, or was when it last was not
	silent bool            // nothing is known: wrong says why
}

// fault is one thing that is not healthy.
type fault struct {
	what   string
	since  time.Time
	output string
}

func newWatch(w want, settle, maxAge time.Duration, now time.Time) *watch {
	return &watch{want: w, settle: settle, maxAge: maxAge, begun: now, gone: map[string]bool{}}
}

// settled reports whether the host was healthy for long enough, by its last report.
func (w *watch) settled() bool { return !w.green.IsZero() && w.seen.Sub(w.green) >= w.settle }

// rest is how long the host must be healthy from now on.
func (w *watch) rest(now time.Time) time.Duration {
	if w.green.IsZero() {
		return w.settle
	}
	return max(w.settle-now.Sub(w.green), 0)
}

// miss notes that there is no report that counts.
func (w *watch) miss(why error, now time.Time) {
	w.fail([]fault{{what: "report", since: now, output: health.Text(why.Error())}})
	w.silent = true
}

// see takes a report in.
func (w *watch) see(r health.Report, now time.Time) {
	if err := w.admit(r, now); err != nil {
		w.miss(err, now)
		return
	}
	if w.enter(r.Boot) {
		w.green = time.Time{}
	}
	w.silent, w.seen = false, r.Received
	if faults := w.want.faults(r); len(faults) > 0 {
		w.fail(faults)
		return
	}
	if w.green.IsZero() {
		w.green = r.Received
	}
	if change := w.want.lastChange(r); change.After(w.green) {
		w.green = change // it came and went between two looks
	}
}

// enter notes the boot of a report that counts, and reports whether the host was
// booted since the one before.
func (w *watch) enter(boot string) (anew bool) {
	anew = w.boot != "" && w.boot != boot
	if anew {
		w.gone[w.boot] = true
	}
	w.boot = boot
	return anew
}

// admit refuses a report that says nothing of how the host is now.
func (w *watch) admit(r health.Report, now time.Time) error {
	switch age := now.Sub(r.Received); {
	case r.Received.Before(w.begun):
		return errors.New("the last one is from before the installation ended")
	case age > w.maxAge:
		return fmt.Errorf("the last one is %v old", age.Round(time.Second))
	case w.gone[r.Boot]:
		return errors.New("the last one is of an earlier boot of the host")
	}
	return nil
}

// doubt says why a report is not enough to judge the host by, if it is not: it may
// have been made before the installation, or by an agent that does not know of all
// that is wanted.
func (w *watch) doubt(r health.Report, now time.Time) error {
	if err := w.admit(r, now); err != nil {
		return err
	}
	for _, name := range w.want.packages() {
		if got := r.Packages[name]; got != w.want.versions[name] {
			return fmt.Errorf("the last report has %s of %s", orNone(got), name)
		}
	}
	for _, p := range w.want.probes {
		if _, reported := r.Result(p.Name()); !reported {
			return fmt.Errorf("the last report does not speak of %s", p.Name())
		}
	}
	return nil
}

// fail notes what is wrong; what has been wrong before is so since then.
func (w *watch) fail(faults []fault) {
	if w.green.IsZero() {
		for i := range faults {
			for _, before := range w.wrong {
				if before.what == faults[i].what && before.since.Before(faults[i].since) {
					faults[i].since = before.since
				}
			}
		}
	}
	w.green, w.wrong = time.Time{}, faults
}

// maxFaults is how many faults a message tells.
const maxFaults = 4

// describe tells what is wrong with the host, or was.
func (w *watch) describe(now time.Time) string {
	if w.green.IsZero() {
		return describeFaults(w.wrong, now)
	}
	story := fmt.Sprintf("it is healthy since %s only, and must be for %v", stamp(w.green), w.settle)
	if len(w.wrong) > 0 {
		story += "; before that: " + describeFaults(w.wrong, w.green)
	}
	return story
}

// describeFaults tells faults as they were at a time.
func describeFaults(faults []fault, at time.Time) string {
	var parts []string
	for i, f := range faults {
		if i == maxFaults {
			parts = append(parts, fmt.Sprintf("and %d more", len(faults)-i))
			break
		}
		lines := strings.Join(strings.FieldsFunc(f.output, func(r rune) bool { return r == '\n' }), " / ")
		parts = append(parts, fmt.Sprintf("%s, since %s (%v): %s", f.what, stamp(f.since), at.Sub(f.since).Round(time.Second), lines))
	}
	return strings.Join(parts, "; ")
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
