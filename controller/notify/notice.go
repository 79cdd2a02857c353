package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// On is what a notice is about.
type On string

// What notices are about.
const (
	Begin   On = "begin"   // a rollout, a retry or a way back begins
	End     On = "end"     // it has ended as it should
	Failure On = "failure" // it was stopped, has ended with hosts that failed, or a schedule could not begin it
	Stuck   On = "stuck"   // a person has to look, or to say that it may go on
	Skipped On = "skipped" // a run of a schedule was not begun, or was missed
)

// UnmarshalText reads what notices can be about, and refuses all else.
func (o *On) UnmarshalText(text []byte) error {
	all := []On{Begin, End, Failure, Stuck, Skipped}
	if !slices.Contains(all, On(text)) {
		return fmt.Errorf("%q is nothing to be told of: want %s, %s, %s, %s or %s", text, Begin, End, Failure, Stuck, Skipped)
	}
	*o = On(text)
	return nil
}

// Notice is what is told, as JSON. Its keys keep their meaning.
type Notice struct {
	ID       string       `json:"id"` // the same each time this is told
	On       On           `json:"on"`
	Rollout  rollout.ID   `json:"rollout"`            // "" for a run of a schedule without one, as are Event, Mode and Selector
	Schedule string       `json:"schedule,omitempty"` // of which a run has no rollout
	Event    rollout.Kind `json:"event"`              // of the journal, that it is told for
	Time     time.Time    `json:"time"`
	By       string       `json:"by"` // who made the event
	Mode     rollout.Mode `json:"mode"`
	Packages []string     `json:"packages,omitempty"`
	Selector string       `json:"selector"`
	Hosts    int          `json:"hosts"`             // their number
	Summary  *Summary     `json:"summary,omitempty"` // at the end
	Cause    string       `json:"cause,omitempty"`
	Text     string       `json:"text"` // all of it in a line, for people
}

// Summary counts hosts.
type Summary struct {
	Done        int `json:"done"`
	Failed      int `json:"failed"`
	Unreachable int `json:"unreachable"`
	Unknown     int `json:"unknown"`
	Returned    int `json:"returned"`
	Stuck       int `json:"stuck"`
	Running     int `json:"running"`
	NotStarted  int `json:"not_started"`
}

// about says what an event is told as; false is that it is not told.
func about(e rollout.Event, spec rollout.Spec) (On, bool) {
	switch e.Kind {
	case rollout.KindCreated, rollout.KindRetried, rollout.KindRollback:
		return Begin, true
	case rollout.KindStopped, rollout.KindAborted:
		return Failure, true
	case rollout.KindPaused:
		return Stuck, spec.Policy.Confirm
	case rollout.KindFinished:
		return ended(e.Summary)
	}
	return "", false
}

func ended(sum *rollout.Summary) (On, bool) {
	if sum == nil {
		return "", false
	}
	switch sum.ExitStatus() {
	case rollout.ExitDone, rollout.ExitReturned:
		return End, true
	case rollout.ExitStuck:
		return Stuck, true
	}
	return Failure, true
}

// newNotice returns what is told of a decision in a rollout that was asked for
// by spec; false is that nothing is.
func newNotice(d journal.Delivery, spec rollout.Spec) (Notice, bool) {
	on, tell := about(d.Event, spec)
	n := Notice{
		ID: fmt.Sprintf("%s-%s-%d", d.ID, spec.When.UTC().Format("20060102T150405"), d.Sequence),
		On: on, Rollout: d.ID, Event: d.Event.Kind, Time: d.Event.At, By: d.Event.By,
		Mode: spec.Mode, Selector: spec.Selector, Hosts: len(spec.Hosts), Summary: (*Summary)(d.Event.Summary),
		Cause: health.Text(d.Event.Cause), // hosts have a say in it
	}
	for _, p := range spec.Packages {
		n.Packages = append(n.Packages, p.String())
	}
	n.Text = n.line()
	return n, tell
}

// newRunNotice returns what is told of an action; false is that nothing is.
func newRunNotice(d journal.Delivery) (Notice, bool) {
	a := d.Action
	n := Notice{Schedule: a.What, Time: a.At, By: a.By, Cause: health.Text(a.Error)}
	var kind, what string
	switch a.Did {
	case journal.SkippedRun:
		n.On, kind, what = Skipped, "skip", "was skipped"
	case journal.FailedRun:
		n.On, kind, what = Failure, "fail", "could not begin"
	default:
		return n, false
	}
	n.ID = fmt.Sprintf("%s-%s-%d", kind, a.At.UTC().Format("20060102T150405"), d.Sequence)
	n.Text = fmt.Sprintf("schedule %s %s: %s", n.Schedule, what, n.Cause)
	return n, true
}

// words are what an event is called in a line for people.
var words = map[rollout.Kind]string{
	rollout.KindCreated: "begins", rollout.KindRetried: "is tried again", rollout.KindRollback: "goes back",
	rollout.KindStopped: "was stopped", rollout.KindAborted: "was aborted", rollout.KindPaused: "waits for a person",
}

func (n Notice) line() string {
	what := words[n.Event]
	if n.Event == rollout.KindFinished {
		what = map[On]string{End: "is done", Failure: "has failed", Stuck: "is stuck"}[n.On]
	}
	line := fmt.Sprintf("%s %s: %s to %s, %s", n.Rollout, what,
		strings.Join(append([]string{string(n.Mode)}, n.Packages...), " "), n.Selector, inventory.Count(n.Hosts))
	if n.Summary != nil {
		line += "; " + rollout.Summary(*n.Summary).String()
	}
	if n.Cause != "" {
		line += ": " + n.Cause
	}
	return line
}
