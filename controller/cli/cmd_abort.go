package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/server"
)

func (a *app) abortCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "abort ROLLOUT",
		Short: "End a rollout of the daemon, or of a killed command, without beginning further hosts",
		Long: `End a rollout that the daemon runs, or whose command was killed: no further
host is begun, and what runs on hosts is waited for; apt is never killed. A rollout
that another command runs right now is aborted by interrupting that command,
which the error names.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			err := in.decide(cmd.Context(), args[0], server.Decision{Verb: server.Abort}, existingRollout.abort)
			if held, ok := errors.AsType[*bus.LockedError](err); ok {
				return fmt.Errorf("%w: interrupt that one, by Ctrl-C or \"kill -INT %d\"", err, held.PID)
			}
			return err
		}),
	}
}
