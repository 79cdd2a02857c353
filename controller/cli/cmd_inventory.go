package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/inventory/ansible"
)

func (a *app) inventoryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inventory",
		Short: "Bring an inventory over from another tool",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.inventoryImportCommand())
	return cmd
}

func (a *app) inventoryImportCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "import --from ansible FILE",
		Short: "Convert an Ansible inventory, INI or YAML, to inventory.toml",
		Long: `Convert an Ansible inventory, INI or YAML, with the group_vars and host_vars
beside it, and write our form of it to the standard output. What cannot be
carried over is named there in comments, and on the standard error. Passwords are
never carried over.`,
		Example: `  aptfleet inventory import --from ansible hosts.ini >inventory.toml`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if from != "ansible" {
				return usageErrorf("--from %q: only ansible is known", from)
			}
			text, warnings, err := ansible.Convert(args[0])
			if err != nil {
				return err
			}
			for _, w := range warnings {
				a.say("%s", w)
			}
			_, err = fmt.Fprintf(a.Out, "%s", text)
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "ansible", "`tool` that the inventory is of")
	complete(cmd, "from", words("ansible"))
	return cmd
}
