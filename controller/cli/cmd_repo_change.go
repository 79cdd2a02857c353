package cli

import (
	"context"

	"github.com/spf13/cobra"
)

func (a *app) repoRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rm SUITE PACKAGE=VERSION",
		Short: "Take a version of a package out of a suite",
		Long: `Take a version of a package out of a suite. Hosts that have it keep it, and its
file stays for those in the middle of a download, until "repo prune".`,
		Example:           `  aptfleet repo rm stable shop-web=1.1`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeSuite,
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			name, version, err := parseExact(args[1])
			if err != nil {
				return err
			}
			remove := in.remove
			if c := in.client(cmd.Context()); c != nil {
				remove = c.remove
			}
			return remove(cmd.Context(), args[0], name, version)
		}),
	}
}

// remove takes a version out of a suite.
func (in *installation) remove(ctx context.Context, suite, name, version string) error {
	repository, err := in.repository(ctx)
	if err != nil {
		return err
	}
	return repository.Remove(ctx, suite, name, version)
}

func (a *app) repoSignCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sign",
		Short: "Sign all suites anew, after a change of keys",
		Long: `Sign all suites anew, as they are, with every valid key. To move hosts to a new
key: make the key of the configuration a folder with both keys in it, "repo
sign", enroll the hosts again, and take the old key away.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(cmd *cobra.Command, _ []string, in *installation) error {
			sign := in.sign
			if c := in.client(cmd.Context()); c != nil {
				sign = c.sign
			}
			return sign(cmd.Context())
		}),
	}
}

// sign signs all suites anew.
func (in *installation) sign(ctx context.Context) error {
	repository, err := in.repository(ctx)
	if err != nil {
		return err
	}
	return repository.Resign(ctx)
}
