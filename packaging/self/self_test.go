// Package self holds the recipe of aptfleet's own package, and tests it.
package self

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aptfleet/aptfleet/packaging/deb"
)

// TestPackage builds the package as "make deb" does, but into a folder of its
// own, and wants no error and no warning of lintian. It is in xz because the
// lintian of Debian 12 calls every zstd package malformed.
func TestPackage(t *testing.T) {
	for _, tool := range []string{"lintian", "xz", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	r, err := deb.LoadRecipe("aptfleet.toml")
	if err != nil {
		t.Fatal(err)
	}
	r.Compression = deb.Xz
	placeBuilt(t, r)
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
	run(t, exec.Command(program, "manual", filepath.Join(dir, "build/man")))
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
