package cli

import (
	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/bus"
)

func (a *app) clusterCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "cluster NODE NODE NODE...",
		Short: "Write what a cluster of nats-servers needs to be the bus",
		Long: `Write what a cluster of three or more nats-servers needs to take the place of the
bus in this machine: a folder for each NODE, by whose name the others, controllers
and agents reach it, with its nats-server.conf and certificate, which go to
/etc/nats there; and secrets.json and ca.pem for controllers, which bus.credentials
and bus.ca of the configuration name. Whoever has secrets.json may do everything
on the bus.

The nodes need nats-server 2.15 or later. They take ports 4222 and 6222, and trust
the same agents as this installation. Its journal is not moved.`,
		Example: `  aptfleet cluster a.example.com b.example.com c.example.com --out cluster`,
		Args:    cobra.MinimumNArgs(3),
		RunE: a.with(func(_ *cobra.Command, args []string, in *installation) error {
			plans := make([]bus.NodePlan, len(args))
			for i, name := range args {
				plans[i].Name = name
			}
			if err := bus.WriteNodes(in.State, out, plans); err != nil {
				return err
			}
			a.say("%s has the files of %d nodes, and those of controllers", out, len(args))
			return nil
		}),
	}
	cmd.Flags().StringVar(&out, "out", "cluster", "`folder` to write to")
	return cmd
}
