package cli

import (
	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/inventory"
)

func (a *app) retryCommand() *cobra.Command {
	var hosts []string
	cmd := &cobra.Command{
		Use:   "retry ROLLOUT [--host HOST]...",
		Short: "Take up again the hosts of a rollout that are not done",
		Long: `Take up again the hosts of a rollout that failed, could not be reached, are
unknown or were never begun: all of them, or those that --host names. Hosts that
are done are left alone, and the others get what was planned then. Those for which
there was no plan are planned for now, at the versions that the others got; what
the rollout was not allowed to do is not done.`,
		Example: `  aptfleet retry R42
  aptfleet retry R42 --host web07`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			var named []inventory.HostName
			for _, h := range hosts {
				named = append(named, inventory.HostName(h))
			}
			return in.decide(cmd.Context(), args[0], server.Decision{Verb: server.Retry, Hosts: named}, func(t existingRollout) ([]rollout.Event, error) {
				return t.retry(cmd.Context(), named)
			})
		}),
	}
	cmd.Flags().StringArrayVar(&hosts, "host", nil, "`host` to retry; may be repeated (default: all that need it)")
	complete(cmd, "host", a.completeHost)
	return cmd
}
