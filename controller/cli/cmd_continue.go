package cli

import (
	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
)

func (a *app) continueCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "continue ROLLOUT",
		Short: "Go on with a rollout that waits between two batches",
		Long: `Go on with a rollout that waits between two batches: for a person, as "rollout
--pause manual" does after each, or for a time, if its command was killed. First
the hosts that are done are asked anew whether they are healthy, as after every pause:
nobody may have watched them in it.`,
		Example: `  aptfleet continue R42`,
		Args:    cobra.ExactArgs(1),
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			return in.decide(cmd.Context(), args[0], server.Decision{Verb: server.Continue}, existingRollout.endPause)
		}),
	}
}

// endPause ends the pause that the rollout is in.
func (t existingRollout) endPause() ([]rollout.Event, error) {
	if t.state.Pause == nil || t.state.Phase != rollout.Open {
		return nil, conflict("%s does not wait between two batches; \"aptfleet status %s\" says how it stands", t.id, t.id)
	}
	return []rollout.Event{{Kind: rollout.KindContinued}}, nil
}
