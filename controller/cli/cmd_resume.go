package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/inventory"
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
			return in.decide(cmd.Context(), args[0], server.Decision{Verb: server.Resume}, func(t takenUp) ([]rollout.Event, error) {
				return t.resume(cmd.Context(), yes)
			})
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

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
			return in.decide(cmd.Context(), args[0], server.Decision{Verb: server.Retry, Hosts: named}, func(t takenUp) ([]rollout.Event, error) {
				return t.retry(cmd.Context(), named)
			})
		}),
	}
	cmd.Flags().StringArrayVar(&hosts, "host", nil, "`host` to take up; may be repeated (default: all that need it)")
	return cmd
}

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
			return in.decide(cmd.Context(), args[0], server.Decision{Verb: server.Rollback, To: to}, func(t takenUp) ([]rollout.Event, error) {
				return t.goBack(cmd.Context(), to, yes)
			})
		}),
	}
	cmd.Flags().StringVar(&to, "to", "", "`selector` of the hosts to return (default: all that were touched)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (a *app) abortCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "abort ROLLOUT",
		Short: "End a rollout of the daemon, or of a killed command, without beginning further hosts",
		Long: `End a rollout that the daemon has in hand, or whose command was killed: no further
host is begun, and what runs on hosts is waited for; apt is never killed. A rollout
that another command carries out right now is aborted by interrupting that command,
which the error names.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			err := in.decide(cmd.Context(), args[0], server.Decision{Verb: server.Abort}, takenUp.abort)
			if held, ok := errors.AsType[*bus.LockedError](err); ok {
				return fmt.Errorf("%w: interrupt that one, by Ctrl-C or \"kill -INT %d\"", err, held.PID)
			}
			return err
		}),
	}
}
