package cli

import (
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
that another command runs right now is shown by that command; the error names it.`,
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
				_, err = a.showEvents(r.events(cmd.Context(), id, 0), bar)
				return err
			})
		},
	}
}
