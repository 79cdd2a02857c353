package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

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
			ctx := cmd.Context()
			if c := in.client(ctx); c != nil {
				return a.forget(ctx, args, c.forget)
			}
			return in.withJournal(ctx, func(j openJournal) error {
				register, err := reports.OpenRegister(ctx, j.bus)
				if err != nil {
					return err
				}
				return a.forget(ctx, args, func(ctx context.Context, host inventory.HostName) error {
					return j.recorded(ctx, "forget", string(host), register.Forget(ctx, host))
				})
			})
		}),
		ValidArgsFunction: a.completeSelector,
	}
}

// forget has agents shut out, by the daemon or by this process.
func (a *app) forget(ctx context.Context, hosts []string, by func(context.Context, inventory.HostName) error) error {
	for _, host := range hosts {
		if err := by(ctx, inventory.HostName(host)); err != nil {
			return fmt.Errorf("cannot forget %w", err)
		}
		if err := a.print(forgottenLine{inventory.HostName(host)}); err != nil {
			return err
		}
	}
	return nil
}

// forget has the daemon shut an agent out.
func (c *client) forget(ctx context.Context, host inventory.HostName) error {
	return c.ask(ctx, http.MethodDelete, "/v1/hosts/"+url.PathEscape(string(host))+"/agent", nil, nil)
}
