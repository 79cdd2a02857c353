package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
)

// treeFiles is how many of Go's own sources are packed. With its compiler and
// linker, they are 100 MB of real text and programs, the same on every machine
// that has the same Go.
const treeFiles = 6000

const treeRecipe = `name = "tree"
version = "1.0"
architecture = "all"
maintainer = "Bench <bench@example.com>"
description = "a tree of files"
[[files]]
src = "tree/opt"
dst = "/opt"
`

const treeControl = `Package: tree
Version: 1.0
Architecture: all
Maintainer: Bench <bench@example.com>
Description: a tree of files
`

// deb measures building a package of 100 MB beside dpkg-deb, both with zstd.
// Ours writes md5sums, too, for which a package of dpkg-deb's needs dh_md5sums.
func deb(ctx context.Context, b *bench) error {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		b.table.LeaveOut("package of 100 MB", "dpkg-deb is not installed")
		return nil
	}
	recipe, tree := filepath.Join(b.dir, "tree.toml"), filepath.Join(b.dir, "tree")
	if err := writeTree(ctx, recipe, tree); err != nil {
		return fmt.Errorf("cannot write the tree: %w", err)
	}
	runs, err := b.contest.Run(ctx,
		measure.Contestant{Name: "aptfleet", Run: func(ctx context.Context) (measure.Cost, error) {
			return measure.Command(exec.CommandContext(ctx, b.aptfleet, "--quiet", "build", recipe, "--out", b.dir))
		}},
		measure.Contestant{Name: "dpkg-deb", Run: func(ctx context.Context) (measure.Cost, error) {
			return measure.Command(exec.CommandContext(ctx, "dpkg-deb", "-Zzstd", "--root-owner-group", "-b", tree, filepath.Join(b.dir, "peer.deb")))
		}},
	)
	if err != nil {
		return err
	}
	ours, peer := runs["aptfleet"].Median(), runs["dpkg-deb"].Median()
	b.table.Add(
		measure.Claim{What: "package of 100 MB with zstd: CPU", Unit: measure.Seconds, Ours: ours.CPU.Seconds(), Beside: "dpkg-deb", Peer: peer.CPU.Seconds(), Most: 1.6},
		measure.Claim{What: "package of 100 MB with zstd: memory", Unit: measure.Mebibytes, Ours: measure.MiB(ours.RSS), Most: 64},
	)
	return nil
}

// writeTree writes the recipe, and the tree with what dpkg-deb needs in it.
func writeTree(ctx context.Context, recipe, tree string) error {
	if err := os.MkdirAll(filepath.Join(tree, "DEBIAN"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(recipe, []byte(treeRecipe), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tree, "DEBIAN/control"), []byte(treeControl), 0o644); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOTOOLDIR").Output()
	if err != nil {
		return fmt.Errorf("cannot ask go where it lives: %w", err)
	}
	root, tools, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err := copySources(filepath.Join(root, "src"), filepath.Join(tree, "opt/src"), treeFiles); err != nil {
		return err
	}
	for _, tool := range []string{"compile", "link"} {
		if err := copyFile(filepath.Join(tools, tool), filepath.Join(tree, "opt", tool)); err != nil {
			return err
		}
	}
	return nil
}

// copySources copies the first n files below a folder, by name.
func copySources(from, to string, n int) error {
	err := filepath.WalkDir(from+"/", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case n == 0:
			return fs.SkipAll
		case !entry.Type().IsRegular():
			return nil
		}
		n--
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return copyFile(path, filepath.Join(to, below))
	})
	if err == nil && n > 0 {
		return fmt.Errorf("%s lacks %d files", from, n)
	}
	return err
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}
