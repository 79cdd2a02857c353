package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMakeInForeignClone builds in a folder of whose repository git will not speak, because
// somebody else owns it: a clone that is mounted in a container, or root's make in the clone of
// a user. Go asks git about every program that it builds, unless it is told not to.
func TestMakeInForeignClone(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git here, so nobody is asked")
	}
	dir := t.TempDir()
	for _, name := range []string{"Makefile", "go.mod", "go.sum", "agent", "controller", "integration", "inventory", "packaging", "pkg"} {
		copyTree(t, filepath.Join("..", name), filepath.Join(dir, name))
	}
	if out, err := exec.CommandContext(t.Context(), "git", "init", "-q", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	build := exec.CommandContext(t.Context(), "make", "-C", dir, "build")
	build.Env = append(os.Environ(), "GIT_TEST_ASSUME_DIFFERENT_OWNER=1", "GOENV=off", "GOFLAGS=", "MAKEFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	version := exec.CommandContext(t.Context(), filepath.Join(dir, "bin", "aptfleet"), "version")
	if out, err := version.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// copyTree copies a file or a folder.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "cp", "-R", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
