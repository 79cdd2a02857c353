package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/packaging/deb"
)

// builtLine is a package that was built.
type builtLine struct {
	Recipe string `json:"recipe"`
	File   string `json:"file"`
}

func (builtLine) kind() string { return "built" }

func (b builtLine) text(w io.Writer) { fmt.Fprintln(w, b.File) }

func (a *app) buildCommand() *cobra.Command {
	var instead deb.Recipe
	var out string
	cmd := &cobra.Command{
		Use:   "build RECIPE...",
		Short: "Build .deb packages",
		Long: `Build .deb packages. A RECIPE is a TOML file, an nfpm.yaml, or the folder of a
source tree with debian/ in it, which dpkg-buildpackage builds.

The same input gives the same bytes: the date in the package is that of
SOURCE_DATE_EPOCH, else the changelog's. --version and --architecture replace
what the recipe says.`,
		Example: `  aptfleet build shop-web.toml
  aptfleet build shop-web.toml --version 1.1 --out build/
  aptfleet build ~/src/shop   # has debian/control`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, recipe := range args {
				files, err := build(cmd.Context(), recipe, instead, out)
				if err != nil {
					return err
				}
				for _, file := range files {
					if err := a.print(builtLine{recipe, file}); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&instead.Version, "version", "", "`version` to build instead of the recipe's")
	cmd.Flags().StringVar(&instead.Architecture, "architecture", "", "`architecture` to build for instead of the recipe's")
	cmd.Flags().StringVar(&out, "out", ".", "`folder` for the packages; made where it is not there")
	return cmd
}

// build builds what one argument names, with what is set in instead, and returns
// the files.
func build(ctx context.Context, recipe string, instead deb.Recipe, out string) ([]string, error) {
	if err := os.MkdirAll(out, 0o777); err != nil {
		return nil, fmt.Errorf("cannot build %s: %w", recipe, err)
	}
	if info, err := os.Stat(filepath.Join(recipe, "debian", "control")); err == nil && info.Mode().IsRegular() {
		if instead.Version != "" || instead.Architecture != "" {
			return nil, usageErrorf("--version and --architecture are for recipes: %s says them in its folder debian", recipe)
		}
		return deb.BuildSource(ctx, recipe, out)
	}
	r, err := deb.LoadRecipe(recipe)
	if err != nil {
		return nil, err
	}
	r.Version = cmp.Or(instead.Version, r.Version)
	r.Architecture = cmp.Or(instead.Architecture, r.Architecture)
	file, err := r.Build(ctx, out)
	if err != nil {
		return nil, err
	}
	return []string{file}, nil
}
