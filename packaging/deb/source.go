package deb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	shownLines = 20 // of the output of a build that failed
	killDelay  = 10 * time.Second
)

// BuildSource builds the source tree srcDir, which has a debian/ folder, with
// dpkg-buildpackage, and moves its .debs into outDir. It returns their paths,
// sorted. The tree is built in a copy, since a build writes into the tree and its
// parent; the copy is removed in the end.
//
// The error of a build that fails shows the last lines of its output. A
// cancelled build is asked to end, with all its processes, and then killed.
func BuildSource(ctx context.Context, srcDir, outDir string) ([]string, error) {
	if _, err := exec.LookPath("dpkg-buildpackage"); err != nil {
		return nil, fmt.Errorf("cannot build %s: dpkg-buildpackage is not installed here: apt-get install dpkg-dev", srcDir)
	}
	work, err := os.MkdirTemp(workFolder(srcDir, outDir), ".source-")
	if err != nil {
		return nil, fmt.Errorf("cannot build %s: %w", srcDir, err)
	}
	defer os.RemoveAll(work)
	tree := filepath.Join(work, "tree")
	// What is in it, so that a link to a tree is not itself what is copied.
	if err := run(exec.CommandContext(ctx, "cp", "-a", "--", srcDir+"/.", tree)); err != nil {
		return nil, fmt.Errorf("cannot copy %s: %w", srcDir, err)
	}
	build := exec.CommandContext(ctx, "dpkg-buildpackage", "-b", "-us", "-uc")
	build.Dir = tree
	if err := run(build); err != nil {
		return nil, fmt.Errorf("cannot build %s: %w", srcDir, err)
	}
	return collect(ctx, work, outDir)
}

// workFolder is where the copy goes: to the packages, or, where these go into
// the tree itself, to the folder of temporary files, since no tree can be copied
// into itself.
func workFolder(srcDir, outDir string) string {
	src, srcErr := realPath(srcDir)
	out, outErr := realPath(outDir)
	below, err := filepath.Rel(src, out)
	if errors.Join(srcErr, outErr, err) == nil && filepath.IsLocal(below) {
		return os.TempDir()
	}
	return outDir
}

// realPath returns a path from the root, without links.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// run runs a command in a process group of its own, and adds the end of its
// output to the error.
func run(cmd *exec.Cmd) error {
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killDelay
	err := cmd.Run()
	if err != nil && cmd.Process != nil {
		// Whatever of the group outlived its leader; usually there is nothing.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	if err != nil {
		return fmt.Errorf("%s: %w%s", cmd.Args[0], err, lastLines(output.String(), shownLines))
	}
	return nil
}

// lastLines returns the last n lines, each on a line of its own.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if lines[0] == "" {
		return ""
	}
	return "\n\t" + strings.Join(lines[max(0, len(lines)-n):], "\n\t")
}

// collect moves the packages from one folder into another, which may be on
// another file system.
func collect(ctx context.Context, from, to string) ([]string, error) {
	built, err := filepath.Glob(filepath.Join(from, "*.deb"))
	if err != nil {
		return nil, err
	}
	var moved []string
	for _, path := range built {
		if err := run(exec.CommandContext(ctx, "mv", "-f", "--", path, to)); err != nil {
			return nil, fmt.Errorf("cannot put %s into %s: %w", filepath.Base(path), to, err)
		}
		moved = append(moved, filepath.Join(to, filepath.Base(path)))
	}
	return moved, nil
}
