package cli

import (
	"iter"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

func (a *app) watchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "watch [ROLLOUT]",
		Short: "Show what happened in a rollout, event by event, to its end",
		Long: `Show what happened in a rollout, event by event, to its end or to the last event
of one whose command was killed. A rollout of the daemon is followed as it goes on,
and with a bus elsewhere that of any controller, whichever runs it next. Else one
that another command runs right now is shown by that command; the error names it.
Of a rollout that was summarised there is what was decided; "aptfleet status" has
what became of its hosts.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRollout(cmd.Context(), args, func(r records, id rollout.ID) error {
				l, err := r.status(cmd.Context(), id)
				if err != nil {
					return err
				}
				bar := a.newProgress(len(l.Hosts))
				defer bar.end()
				defer r.showProgress(cmd.Context(), id, bar)()
				return a.watch(r.events(cmd.Context(), id, 0), id, bar)
			})
		},
	}
}

// watch shows the events of a rollout, and says so where a summary has taken the place
// of some.
func (a *app) watch(events iter.Seq2[eventLine, error], id rollout.ID, bar *progress) error {
	there := 0
	last, err := a.showEvents(func(yield func(eventLine, error) bool) {
		for l, err := range events {
			there++
			if !yield(l, err) {
				return
			}
		}
	}, bar)
	if err == nil && there < last {
		a.say("%s: %d events of hosts were summarised: \"aptfleet status %s\" has what became of them", id, last-there, id)
	}
	return err
}
