package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manualCommand writes the manual pages; the package of aptfleet is built from
// what it leaves, so that help and manual cannot differ.
func (a *app) manualCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "manual FOLDER",
		Short:  "Write the manual pages of all commands into a folder",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("cannot write the manual pages: %w", err)
			}
			header := doc.GenManHeader{Title: "APTFLEET", Section: "1", Source: "aptfleet " + version, Manual: "aptfleet"}
			return doc.GenManTree(cmd.Root(), &header, args[0])
		},
	}
}
