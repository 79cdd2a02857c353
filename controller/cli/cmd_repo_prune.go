package cli

import (
	"context"
	"fmt"
	"io"
	"maps"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/packaging/aptrepo"
)

// prunedLine is what prune took away: a package out of a suite, or a file out
// of the pool.
type prunedLine struct {
	Package      string `json:"package,omitempty"`
	Version      string `json:"version,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	File         string `json:"file,omitempty"`
}

func (prunedLine) kind() string { return "pruned" }

func (p prunedLine) text(w io.Writer) {
	if p.File != "" {
		fmt.Fprintf(w, "out of the pool:  %s\n", p.File)
		return
	}
	fmt.Fprintf(w, "out of a suite:   %s %s %s\n", p.Package, p.Version, p.Architecture)
}

func (a *app) repoPruneCommand() *cobra.Command {
	var keep int
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove old versions that no host needs",
		Long: `Remove from every suite all but the newest versions of each package, and from
the pool what no suite has any more. A version that a host has from its last
rollout, or would return to, stays whatever its age.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(cmd *cobra.Command, _ []string, in *installation) error {
			if cmd.Flags().Changed("keep") && keep < 1 {
				return usageErrorf("cannot keep %d versions of a package: --keep must be at least 1", keep)
			}
			prune := in.prune
			if c := in.client(cmd.Context()); c != nil {
				prune = c.prune
			}
			pruned, err := prune(cmd.Context(), keep)
			if err != nil {
				return err
			}
			return printAll(a, pruned)
		}),
	}
	cmd.Flags().IntVar(&keep, "keep", 0, "versions to keep of each package and suite (default: the configuration's)")
	return cmd
}

// prune takes away what is old, 0 is as the configuration says, and that nobody
// needs.
func (in *installation) prune(ctx context.Context, keep int) ([]prunedLine, error) {
	repository, err := in.repository(ctx)
	if err != nil {
		return nil, err
	}
	if keep == 0 {
		keep = in.Repository.Keep
	}
	needed, err := in.neededVersions(ctx)
	if err != nil {
		return nil, err
	}
	pruned, err := repository.Prune(ctx, keep, func(p aptrepo.Package) bool {
		return needed[rollout.Package{Name: p.Name, Version: p.Version}]
	})
	var lines []prunedLine
	for _, p := range pruned.Packages {
		lines = append(lines, prunedLine{Package: p.Name, Version: p.Version, Architecture: p.Architecture})
	}
	for _, f := range pruned.Files {
		lines = append(lines, prunedLine{File: f})
	}
	return lines, err
}

// neededVersions returns what each host has of each package, and would return
// to, by the last rollout that touched it; and what open rollouts install.
func (in *installation) neededVersions(ctx context.Context) (versionSet, error) {
	needed := versionSet{}
	err := in.withJournal(ctx, func(j openJournal) error {
		entries, err := j.List(ctx)
		if err != nil {
			return err
		}
		seen := map[hostPackage]bool{}
		for _, e := range entries {
			state, err := j.Read(ctx, e.ID)
			if err != nil {
				return err
			}
			needed.addRollout(state, seen)
		}
		return nil
	})
	return needed, err
}

// hostPackage is a package on a host.
type hostPackage struct {
	host inventory.HostName
	name string
}

// versionSet is a set of packages in exact versions.
type versionSet map[rollout.Package]bool

// addRollout adds what a rollout found and left, but for packages that a newer
// rollout has seen on the host.
func (s versionSet) addRollout(state *rollout.State, seen map[hostPackage]bool) {
	if state.Phase == rollout.Open {
		for _, p := range state.Spec.Packages {
			s[p] = true
		}
	}
	for _, h := range state.Hosts() {
		touched := rollout.Versions{}
		maps.Copy(touched, h.Before)
		maps.Copy(touched, h.After)
		for name := range touched {
			key := hostPackage{h.Name, name}
			if !seen[key] {
				s[rollout.Package{Name: name, Version: h.Before[name]}] = true
				s[rollout.Package{Name: name, Version: h.After[name]}] = true
			}
			seen[key] = true
		}
	}
}
