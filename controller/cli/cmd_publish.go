package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/packaging/aptrepo"
)

// packageLine is one package in a suite.
type packageLine struct {
	Suite        string `json:"suite"`
	Package      string `json:"package"`
	Version      string `json:"version"`
	Architecture string `json:"architecture"`
	Size         int64  `json:"size"`
	SHA256       string `json:"sha256"`
	Already      bool   `json:"already,omitempty"` // it was there before
}

func newPackageLine(suite string, p aptrepo.Package) packageLine {
	return packageLine{suite, p.Name, p.Version, p.Architecture, p.Size, p.SHA256, false}
}

func (packageLine) kind() string { return "package" }

func (p packageLine) text(w io.Writer) {
	note := ""
	if p.Already {
		note = "  (was there already)"
	}
	fmt.Fprintf(w, "%-12s %-24s %-20s %-8s %10d%s\n", p.Suite, p.Package, p.Version, p.Architecture, p.Size, note)
}

func (a *app) publishCommand() *cobra.Command {
	var suite string
	cmd := &cobra.Command{
		Use:   "publish [--suite SUITE] FILE.deb...",
		Short: "Publish packages to a suite of the repository",
		Long: `Publish packages to a suite of the repository: all of them in one step, or none.
Hosts in the middle of an update are not disturbed. A package whose name,
version and architecture are published with other content is refused.

The suite is the configuration's first unless --suite names one. A protected
signing key gets its passphrase from APTFLEET_KEY_PASSPHRASE_FILE,
APTFLEET_KEY_PASSPHRASE or the terminal.

Where a daemon runs, it publishes, and "history" says for whom; it takes the
passphrase from its own environment. Without one, nothing is noted there.`,
		Example: `  aptfleet publish --suite stable shop-web_1.1_amd64.deb`,
		Args:    cobra.MinimumNArgs(1),
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			publish := in.publish
			if c := in.client(cmd.Context()); c != nil {
				publish = c.publish
			}
			published, err := publish(cmd.Context(), in.suite(suite), args...)
			if err != nil {
				return err
			}
			return printAll(a, published)
		}),
	}
	a.suiteFlag(cmd, &suite, "suite to publish to")
	return cmd
}

// publish puts packages into a suite.
func (in *installation) publish(ctx context.Context, suite string, files ...string) ([]packageLine, error) {
	repository, err := in.repository(ctx)
	if err != nil {
		return nil, err
	}
	published, err := repository.Publish(ctx, suite, files...)
	lines := make([]packageLine, len(published))
	for i, p := range published {
		lines[i] = newPackageLine(suite, p.Package)
		lines[i].Already = p.Already
	}
	return lines, err
}

// suiteFlag adds --suite, completed from the configuration.
func (a *app) suiteFlag(cmd *cobra.Command, suite *string, usage string) {
	cmd.Flags().StringVar(suite, "suite", "", usage+" (default: the configuration's first)")
	complete(cmd, "suite", a.completeSuite)
}
