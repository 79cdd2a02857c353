package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// historyLine is one rollout in the list of all.
type historyLine struct {
	ID       rollout.ID   `json:"id"`
	Created  time.Time    `json:"created"`
	Who      string       `json:"who"`
	Mode     rollout.Mode `json:"mode"`
	Packages []string     `json:"packages,omitempty"`
	Selector string       `json:"selector"`
	Hosts    int          `json:"hosts"`
	Summary  *summaryLine `json:"summary,omitempty"` // once it has finished
	Error    string       `json:"error,omitempty"`   // why the journal cannot tell all of it
}

func newHistoryLine(e journal.Entry) historyLine {
	spec := e.Created.Spec
	if spec == nil {
		return historyLine{ID: e.ID, Error: text(e.Err)}
	}
	l := historyLine{
		ID: e.ID, Created: e.Created.At, Who: spec.Who, Mode: spec.Mode,
		Selector: spec.Selector, Hosts: len(spec.Hosts), Error: text(e.Err),
	}
	for _, p := range spec.Packages {
		l.Packages = append(l.Packages, p.String())
	}
	if sum, ok := e.Finished(); ok {
		counts := summaryLine(sum)
		l.Summary = &counts
	}
	return l
}

func (historyLine) kind() string { return "history" }

func (l historyLine) text(w io.Writer) {
	end := "not finished"
	switch {
	case l.Created.IsZero():
		fmt.Fprintf(w, "%-6s DAMAGED  %s\n", l.ID, l.Error)
		return
	case l.Error != "":
		end = "DAMAGED  " + l.Error
	case l.Summary != nil:
		end = l.Summary.String()
	}
	fmt.Fprintf(w, "%-6s %s  %-40s %s\n", l.ID, l.Created.Local().Format(time.DateTime),
		string(l.Mode)+" "+strings.Join(l.Packages, " ")+" to "+l.Selector, end)
}

func (a *app) historyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history",
		Short: "List all rollouts and what else was done, newest first",
		Long: `List all rollouts, newest first, and between them what else was done, by whom:
published, promoted, enrolled, forgotten, refused for want of a good token. What is
published, promoted or enrolled without agents while no daemon runs is not in it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRecords(cmd.Context(), func(r records) error { return a.showHistory(cmd.Context(), r) })
		},
	}
}

// showHistory prints rollouts and actions in the order of their times.
func (a *app) showHistory(ctx context.Context, r records) error {
	rollouts, err := r.history(ctx)
	if err != nil {
		return err
	}
	actions, err := r.actions(ctx)
	if err != nil {
		return err
	}
	for _, l := range rollouts {
		for ; len(actions) > 0 && !l.Created.IsZero() && actions[0].Time.After(l.Created); actions = actions[1:] {
			if err := a.print(actions[0]); err != nil {
				return err
			}
		}
		if err := a.print(l); err != nil {
			return err
		}
	}
	return printAll(a, actions)
}
