package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/reports"
	"github.com/aptfleet/aptfleet/inventory"
)

// forgottenLine is a host whose agent was shut out.
type forgottenLine struct {
	Host inventory.HostName `json:"host"`
}

func (forgottenLine) kind() string { return "forgotten" }

func (f forgottenLine) text(w io.Writer) { fmt.Fprintf(w, "%-24s forgotten\n", f.Host) }

func (a *app) forgetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "forget HOST...",
		Short: "Shut out the agents of hosts",
		Long: `Shut out the agents of hosts: the connection that one has ends at once, and it
gets no other, whoever has its key. Do so when a host is taken out of service or
was broken into. The host need not be in the inventory any more, and nothing is
done on it. "enroll" lets it in again.`,
		Example: `  aptfleet forget web07`,
		Args:    cobra.MinimumNArgs(1),
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			return in.withJournal(cmd.Context(), func(j openJournal) error {
				register, err := reports.OpenRegister(cmd.Context(), j.bus)
				if err != nil {
					return err
				}
				for _, host := range args {
					if err := register.Forget(cmd.Context(), inventory.HostName(host)); err != nil {
						return fmt.Errorf("cannot forget %w", err)
					}
					if err := a.print(forgottenLine{inventory.HostName(host)}); err != nil {
						return err
					}
				}
				return nil
			})
		}),
		ValidArgsFunction: a.completeSelector,
	}
}
