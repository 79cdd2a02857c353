package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/packaging/aptrepo"
)

func (a *app) promoteCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "promote PACKAGE=VERSION FROM TO",
		Short: "Copy a published version from one suite to another",
		Long: `Copy a published version of a package from one suite to another, without
building or uploading it again. Where a daemon runs, it does it.`,
		Example:           `  aptfleet promote shop-web=1.1 nightly stable`,
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: after(1, a.completeSuite),
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			name, version, err := parseExact(args[0])
			if err != nil {
				return err
			}
			promote := in.promote
			if c := in.client(cmd.Context()); c != nil {
				promote = c.promote
			}
			promoted, err := promote(cmd.Context(), name, version, args[1], args[2])
			if err != nil {
				return err
			}
			return printAll(a, promoted)
		}),
	}
}

// promote copies a version from one suite to another.
func (in *installation) promote(ctx context.Context, name, version, from, to string) ([]packageLine, error) {
	repository, err := in.repository(ctx)
	if err != nil {
		return nil, err
	}
	if err := repository.Promote(ctx, name, version, from, to); err != nil {
		return nil, err
	}
	return packageLines(repository, to, isVersion(name, version))
}

// parseExact reads PACKAGE=VERSION.
func parseExact(arg string) (name, version string, err error) {
	name, version, ok := strings.Cut(arg, "=")
	if !ok {
		return "", "", usageErrorf("%q is no PACKAGE=VERSION", arg)
	}
	return name, version, nil
}

// printPackages prints the packages of a suite that keep lets through.
func (a *app) printPackages(repository *aptrepo.Repository, suite string, keep func(aptrepo.Package) bool) error {
	lines, err := packageLines(repository, suite, keep)
	if err != nil {
		return err
	}
	return printAll(a, lines)
}

// packageLines returns the packages of a suite that keep lets through.
func packageLines(repository *aptrepo.Repository, suite string, keep func(aptrepo.Package) bool) ([]packageLine, error) {
	packages, err := repository.List(suite)
	var lines []packageLine
	for _, p := range packages {
		if keep(p) {
			lines = append(lines, newPackageLine(suite, p))
		}
	}
	return lines, err
}

// isVersion lets one version of a package through, in all its architectures.
func isVersion(name, version string) func(aptrepo.Package) bool {
	return func(p aptrepo.Package) bool { return p.Name == name && p.Version == version }
}
