// Package self holds the recipes of aptfleet's own packages, and tests them.
package self

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aptfleet/aptfleet/packaging/deb"
)

// TestPackage builds the package as "make deb" does, but into a folder of its
// own, and wants no error and no warning of lintian. It is in xz because the
// lintian of Debian 12 calls every zstd package malformed.
func TestPackage(t *testing.T) {
	r := loadRecipe(t, "aptfleet.toml")
	placeBuilt(t, r)
	lint(t, r)
}

// maxAgent is what the agent's program may have, in bytes.
const maxAgent = 8 << 20

// TestAgentPackage does the same with the agent's, for each architecture.
func TestAgentPackage(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		r := loadRecipe(t, "aptfleet-agent.toml")
		r.Architecture = arch
		program := filepath.Join(t.TempDir(), "aptfleet-agent")
		build := exec.Command("go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-gcflags", "all=-l", "-ldflags", "-s -w", "-o", program, "github.com/aptfleet/aptfleet/agent/cmd/aptfleet-agent")
		build.Env = append(build.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
		run(t, build)
		if info, err := os.Stat(program); err != nil || info.Size() > maxAgent {
			t.Errorf("the agent for %s is too large: %v, %v", arch, info.Size(), err)
		}
		r.Files[0].Src = program
		lint(t, r)
	}
}

// loadRecipe loads a recipe for lintian, or skips the test where a tool is
// missing.
func loadRecipe(t *testing.T, path string) *deb.Recipe {
	t.Helper()
	for _, tool := range []string{"lintian", "xz", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	r, err := deb.LoadRecipe(path)
	if err != nil {
		t.Fatal(err)
	}
	r.Compression = deb.Xz
	return r
}

// lint builds the package and has lintian look at it.
func lint(t *testing.T, r *deb.Recipe) {
	t.Helper()
	path, err := r.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error,warning", path).CombinedOutput(); err != nil {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}

// placeBuilt builds the program, the manual pages and the completions to a new
// folder, and has the recipe take them from there.
func placeBuilt(t *testing.T, r *deb.Recipe) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "aptfleet")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "github.com/aptfleet/aptfleet/controller/cmd/aptfleet")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	run(t, build)
	run(t, exec.Command("go", "run", "github.com/aptfleet/aptfleet/controller/cmd/manual", "0", filepath.Join(dir, "build/man")))
	for _, shell := range []string{"bash", "zsh", "fish"} {
		run(t, exec.Command("sh", "-c", `mkdir -p "$1/build/completions" && "$0" completion "$2" >"$1/build/completions/$2"`, program, dir, shell))
	}
	for i, f := range r.Files {
		switch base := filepath.Base(f.Src); {
		case base == "aptfleet":
			r.Files[i].Src = program
		case filepath.Dir(filepath.Dir(f.Src)) == "build":
			r.Files[i].Src = filepath.Join(dir, f.Src)
		}
	}
}

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v: %s", cmd.Args, err, out)
	}
}
