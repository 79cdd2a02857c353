package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// statusLine is where a rollout stands.
type statusLine struct {
	ID       rollout.ID    `json:"id"`
	Phase    rollout.Phase `json:"phase"` // open, finished
	Mode     rollout.Mode  `json:"mode"`
	Packages []string      `json:"packages,omitempty"`
	Selector string        `json:"selector"`
	Who      string        `json:"who"`
	Created  time.Time     `json:"created"`
	Finished *time.Time    `json:"finished,omitempty"`
	Batch    int           `json:"batch,omitempty"` // the last that was begun
	Batches  int           `json:"batches"`
	Waits    *waitLine     `json:"waits,omitempty"`
	Events   int           `json:"events"` // in the journal
	Summary  summaryLine   `json:"summary"`
	Hosts    []hostVerdict `json:"hosts"`

	ExitStatus int `json:"exit_status"` // of a command that ended with it
}

// waitLine is what an open rollout waits for.
type waitLine struct {
	For   string     `json:"for"`             // approval, continue, time
	Until *time.Time `json:"until,omitempty"` // of a time
}

func newWaitLine(s *rollout.State) *waitLine {
	_, approved := s.Plan()
	switch {
	case s.Phase != rollout.Open:
		return nil
	case s.Spec.Planned && !approved:
		return &waitLine{For: "approval"}
	case s.Pause == nil:
		return nil
	case s.Pause.Until.IsZero():
		return &waitLine{For: "continue"}
	}
	return &waitLine{For: "time", Until: &s.Pause.Until}
}

// text says what to do about it.
func (l waitLine) text(id rollout.ID, batch int) string {
	switch l.For {
	case "approval":
		return fmt.Sprintf("its plan is not approved: \"aptfleet resume %s\" plans again", id)
	case "continue":
		return fmt.Sprintf("it waits after batch %d: \"aptfleet continue %s\" goes on", batch, id)
	}
	return fmt.Sprintf("it waits after batch %d until %s", batch, l.Until.Local().Format(time.DateTime))
}

// summaryLine counts the hosts of a rollout.
type summaryLine struct {
	Done        int `json:"done"`
	Failed      int `json:"failed"`
	Unreachable int `json:"unreachable"`
	Unknown     int `json:"unknown"`
	Returned    int `json:"returned"`
	Stuck       int `json:"stuck"`
	Running     int `json:"running"`
	NotStarted  int `json:"not_started"`
}

// hostVerdict is what became of one host.
type hostVerdict struct {
	Host    inventory.HostName `json:"host"`
	Verdict string             `json:"verdict"`
	Before  rollout.Versions   `json:"before,omitzero"`
	After   rollout.Versions   `json:"after,omitzero"`
	Cause   string             `json:"cause,omitempty"`
	Notes   []string           `json:"notes,omitempty"`
	Took    float64            `json:"took,omitempty"` // seconds
}

func newStatusLine(id rollout.ID, s *rollout.State) statusLine {
	l := statusLine{
		ID: id, Phase: s.Phase, Mode: s.Spec.Mode, Selector: s.Spec.Selector, Who: s.Spec.Who,
		Created: s.Created, Batch: s.Batch, Batches: len(s.Spec.Batches()), Waits: newWaitLine(s), Summary: summaryLine(s.Summary()),
		Events: s.Events, ExitStatus: s.ExitStatus(),
	}
	for _, p := range s.Spec.Packages {
		l.Packages = append(l.Packages, p.String())
	}
	if !s.Finished.IsZero() {
		l.Finished = &s.Finished
	}
	for _, h := range s.Hosts() {
		v := hostVerdict{Host: h.Name, Verdict: h.Verdict.String(), Before: h.Before, After: h.After, Cause: h.Cause, Notes: h.Notes}
		if !h.Ended.IsZero() && !h.Started.IsZero() {
			v.Took = h.Ended.Sub(h.Started).Round(time.Millisecond).Seconds()
		}
		l.Hosts = append(l.Hosts, v)
	}
	return l
}

func (statusLine) kind() string { return "rollout" }

// attention has the verdicts that a person must look at, the worst first.
var attention = []rollout.Verdict{rollout.HostStuck, rollout.HostUnknown, rollout.HostFailed, rollout.HostUnreachable}

// text writes the counts first and then the hosts that a person must look at, the
// worst first. Of those that are at work there are only the names.
func (l statusLine) text(w io.Writer) {
	fmt.Fprintf(w, "%s  %s %s  to %s  by %s  %s\n", l.ID, l.Mode, strings.Join(l.Packages, " "), l.Selector, l.Who, l.when())
	fmt.Fprintf(w, "%s\n", l.Summary)
	if l.Waits != nil {
		fmt.Fprintln(w, l.Waits.text(l.ID, l.Batch))
	}
	var running []string
	for _, h := range l.Hosts {
		if h.Verdict == rollout.HostRunning.String() {
			running = append(running, string(h.Host))
		}
	}
	for _, v := range attention {
		for _, h := range l.Hosts {
			if h.Verdict == v.String() {
				fmt.Fprintf(w, "  %-24s %-12s %s\n", h.Host, h.Verdict, printable(h.Cause))
			}
		}
	}
	if more := len(running) - mostHosts; more > 0 {
		running = append(running[:mostHosts], fmt.Sprintf("and %d more", more))
	}
	if len(running) > 0 {
		fmt.Fprintf(w, "  running: %s\n", strings.Join(running, ", "))
	}
}

// when says when it was created and how long it took.
func (l statusLine) when() string {
	created := l.Created.Local().Format(time.DateTime)
	if l.Finished == nil {
		return created + ", not finished"
	}
	return created + ", took " + l.Finished.Sub(l.Created).Round(100*time.Millisecond).String()
}

// String names the counts that are not zero.
func (s summaryLine) String() string { return rollout.Summary(s).String() }

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status [ROLLOUT]",
		Short: "Show where a rollout stands; the last one if none is named",
		Long: `Show where a rollout stands, the last one if none is named. Where there is none
yet, it says so, and prints nothing with --json.`,
		Args: cobra.MaximumNArgs(1),
		Example: `  aptfleet status
  aptfleet status R42 --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRollout(cmd.Context(), args, func(r records, id rollout.ID) error {
				l, err := r.status(cmd.Context(), id)
				if err != nil {
					return err
				}
				return a.print(l)
			})
		},
	}
}
