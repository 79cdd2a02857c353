package cli

import (
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
	Stopped  *haltLine     `json:"stopped,omitempty"` // by a gate or the budget
	Aborted  *haltLine     `json:"aborted,omitempty"` // by a person
	Back     *backLine     `json:"back,omitempty"`    // hosts are, or were, rolled back
	Ungated  int           `json:"ungated,omitempty"` // hosts that are done, and not known to be well yet
	Events   int           `json:"events"`            // in the journal
	Summary  summaryLine   `json:"summary"`
	Hosts    []hostVerdict `json:"hosts"`

	ExitStatus int `json:"exit_status"` // of a command that ended with it
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

// touched reports whether there is something to be taken back: a host that was never
// begun has taken no time.
func (h hostVerdict) touched() bool {
	switch h.Verdict {
	case rollout.HostRunning.String():
		return true
	case rollout.HostReturned.String():
		return false
	}
	return h.Took > 0
}

func newStatusLine(id rollout.ID, s *rollout.State) statusLine {
	l := statusLine{
		ID: id, Phase: s.Phase, Mode: s.Spec.Mode, Selector: s.Spec.Selector, Who: s.Spec.Who,
		Created: s.Created, Batch: s.Batch, Batches: len(s.Spec.Batches()), Waits: newWaitLine(s), Summary: summaryLine(s.Summary()),
		Stopped: newHaltLine(s.Stopped), Aborted: newHaltLine(s.Aborted),
		Ungated: s.Ungated(), Events: s.Events, ExitStatus: s.ExitStatus(),
	}
	if s.Returning {
		l.Back = &backLine{Cause: s.Because}
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
