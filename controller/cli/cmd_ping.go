package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/inventory"
)

// pingLine says whether one host can be worked on.
type pingLine struct {
	Host  inventory.HostName `json:"host"`
	OK    bool               `json:"ok"`
	Took  float64            `json:"took"` // seconds
	Error string             `json:"error,omitempty"`
}

func (pingLine) kind() string { return "ping" }

func (p pingLine) text(w io.Writer) {
	if p.OK {
		fmt.Fprintf(w, "%-24s ok    %.0f ms\n", p.Host, p.Took*1000)
		return
	}
	fmt.Fprintf(w, "%-24s FAIL  %s\n", p.Host, p.Error)
}

func (a *app) pingCommand() *cobra.Command {
	var acceptNew bool
	var parallel int
	cmd := &cobra.Command{
		Use:   "ping SELECTOR",
		Short: "Reach every host: log in and become root",
		Long: `Log in to every host and become root there, as a rollout would; nothing is
changed. --accept-new records the host keys of hosts that known_hosts does not
have yet; a key that has changed is always refused.

` + selectorHelp,
		Example: `  aptfleet ping all --accept-new
  aptfleet ping array_of_new_webapps --json`,
		Args:              cobra.MatchAll(cobra.ExactArgs(1), notEmpty),
		ValidArgsFunction: a.completeSelector,
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			hosts, err := in.hosts(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fleet, err := in.fleet(remote.Options{AcceptNew: acceptNew})
			if err != nil {
				return err
			}
			defer fleet.Close()
			return a.eachHost(cmd.Context(), hosts, parallel, func(ctx context.Context, h inventory.Host) hostReport {
				return ping(ctx, fleet.Link(h))
			})
		}),
	}
	cmd.Flags().BoolVar(&acceptNew, "accept-new", false, "record the keys of hosts that are not known yet")
	cmd.Flags().IntVar(&parallel, "parallel", 512, "hosts at the same time")
	return cmd
}

// ping reaches one host.
func ping(ctx context.Context, link *remote.Link) hostReport {
	defer link.Close()
	begun := time.Now()
	_, err := link.Run(ctx, remote.Command{Argv: []string{"true"}, Root: true})
	took := time.Since(begun).Round(time.Millisecond).Seconds()
	return hostReport{pingLine{link.Host().Name, err == nil, took, text(err)}, err}
}
