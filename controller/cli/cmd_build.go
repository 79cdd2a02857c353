package cli

import (
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
	var version, out string
	cmd := &cobra.Command{
		Use:   "build RECIPE...",
		Short: "Build .deb packages",
		Long: `Build .deb packages. A RECIPE is a TOML file, an nfpm.yaml, or the folder of a
source tree with debian/ in it, which dpkg-buildpackage builds.

The same input gives the same bytes: the date in the package is that of
SOURCE_DATE_EPOCH, else the changelog's. --version replaces the recipe's version.`,
		Example: `  aptfleet build shop-web.toml
  aptfleet build shop-web.toml --version 1.1 --out build/
  aptfleet build ~/src/shop   # has debian/control`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, recipe := range args {
				files, err := build(cmd.Context(), recipe, version, out)
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
	cmd.Flags().StringVar(&version, "version", "", "`version` to build instead of the recipe's")
	cmd.Flags().StringVar(&out, "out", ".", "`folder` for the packages")
	return cmd
}

// build builds what one argument names, and returns the files.
func build(ctx context.Context, recipe, version, out string) ([]string, error) {
	if info, err := os.Stat(filepath.Join(recipe, "debian", "control")); err == nil && info.Mode().IsRegular() {
		if version != "" {
			return nil, usageErrorf("--version is for recipes: %s has its version in debian/changelog", recipe)
		}
		return deb.BuildSource(ctx, recipe, out)
	}
	r, err := deb.LoadRecipe(recipe)
	if err != nil {
		return nil, err
	}
	if version != "" {
		r.Version = version
	}
	file, err := r.Build(ctx, out)
	if err != nil {
		return nil, err
	}
	return []string{file}, nil
}
