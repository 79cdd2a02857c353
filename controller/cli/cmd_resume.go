package cli

import (
	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
)

func (a *app) resumeCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "resume ROLLOUT",
		Short: "Go on with a rollout whose command was killed",
		Long: `Go on with a rollout whose command was killed, or whose machine went down: attach
to the jobs that run on hosts, find out what became of the others, and begin
those that are left. If it was killed before its plan was approved, the plan is
made anew, and has to be approved.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			return in.decide(cmd.Context(), args[0], server.Decision{Verb: server.Resume}, func(t existingRollout) ([]rollout.Event, error) {
				return t.resume(cmd.Context(), yes)
			})
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
