package cli

import (
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
			repository, err := in.repository(cmd.Context())
			if err != nil {
				return err
			}
			return repository.Remove(cmd.Context(), args[0], name, version)
		}),
	}
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
			repository, err := in.repository(cmd.Context())
			if err != nil {
				return err
			}
			return repository.Resign(cmd.Context())
		}),
	}
}
