package cli

import (
	"context"
	"errors"
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
		Short: "List all rollouts, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withJournal(cmd.Context(), func(j openJournal) error {
				entries, err := j.List(cmd.Context())
				if err != nil {
					return err
				}
				for _, e := range entries {
					if err := a.print(newHistoryLine(e)); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// withJournal calls fn with the journal of the installation.
func (a *app) withJournal(ctx context.Context, fn func(openJournal) error) error {
	in, err := a.installation()
	if err != nil {
		return err
	}
	return in.withJournal(ctx, fn)
}

// withRollout calls fn with the rollout that the arguments name, which is the
// last one where they name none.
func (a *app) withRollout(ctx context.Context, args []string, fn func(openJournal, rollout.ID) error) error {
	return a.withJournal(ctx, func(j openJournal) error {
		if len(args) > 0 {
			id, err := rollout.ParseID(args[0])
			if err != nil {
				return &exitError{exitUsage, err}
			}
			return fn(j, id)
		}
		entries, err := j.List(ctx)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return errors.New("there is no rollout yet")
		}
		return fn(j, entries[0].ID)
	})
}
