package cli

import (
	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
)

func (a *app) rollbackCommand() *cobra.Command {
	var to string
	var yes bool
	cmd := &cobra.Command{
		Use:   "rollback ROLLOUT [--to SELECTOR]",
		Short: "Return the hosts of a rollout to the versions they had before",
		Long: `Return every host that a rollout touched, those that failed included, to the
versions that it had before, all at once: what was upgraded goes back, what was
added is removed. A host on which that fails is stuck, and a person must look; once
it is mended, the same command goes on there.`,
		Example: `  aptfleet rollback R42
  aptfleet rollback R42 --to web07`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			if c := in.client(cmd.Context()); c != nil && !yes {
				if err := c.confirmRollback(cmd.Context(), args[0], to); err != nil {
					return err
				}
			}
			return in.decide(cmd.Context(), args[0], server.Decision{Verb: server.Rollback, To: to}, func(t existingRollout) ([]rollout.Event, error) {
				return t.rollback(cmd.Context(), to, yes)
			})
		}),
	}
	a.selectorFlag(cmd, &to, "to", "`selector` of the hosts to return (default: all that were touched)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
