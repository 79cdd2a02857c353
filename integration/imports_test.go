package integration

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/aptfleet/aptfleet/"

// may lists, for a folder of ours, the folders whose packages it may import;
// the longest prefix of a package's path counts. A folder may always import
// itself. controller/cli and controller/server wire, and nobody imports cli.
var may = map[string][]string{
	"pkg":                 {},
	"inventory":           {"pkg"},
	"packaging":           {"pkg"},
	"packaging/self":      {"pkg", "packaging"},
	"agent":               {"pkg"},
	"controller/cmd":      {"controller/cli"},
	"controller/cli":      {"controller", "inventory", "packaging", "pkg"},
	"controller/server":   {"controller", "inventory", "packaging", "pkg"},
	"controller/rollout":  {"inventory", "pkg"},
	"controller/release":  {"inventory", "pkg"},
	"controller/engine":   {"controller/rollout", "controller/release", "inventory", "pkg"},
	"controller/journal":  {"controller/bus", "controller/rollout", "controller/release", "inventory", "pkg"},
	"controller":          {"controller", "inventory", "packaging", "pkg"},
	"integration":         {"controller", "inventory", "packaging", "pkg", "agent"},
	"integration/simhost": {},
}

func TestImports(t *testing.T) {
	for pkg, imports := range ourImports(t) {
		room := roomOf(pkg)
		if room == "" {
			t.Errorf("%s stands in no room of the house", pkg)
			continue
		}
		for _, imp := range imports {
			if !mayImport(room, pkg, imp) {
				t.Errorf("%s may not import %s", pkg, imp)
			}
		}
	}
}

// TestMayImport proves that the rules can refuse.
func TestMayImport(t *testing.T) {
	for _, tt := range []struct {
		pkg, imp string
		want     bool
	}{
		{"controller/engine", "controller/rollout", true},
		{"controller/engine", "controller/remote", false},
		{"controller/rollout", "controller/journal", false},
		{"controller/steps", "controller/cli", false},
		{"inventory", "packaging/deb", false},
		{"agent/probe", "controller/gate", false},
		{"controller/gate", "agent/probe", false},
	} {
		if got := mayImport(roomOf(tt.pkg), tt.pkg, tt.imp); got != tt.want {
			t.Errorf("%s imports %s: allowed is %v, want %v", tt.pkg, tt.imp, got, tt.want)
		}
	}
}

// TestProgramWithoutRigs: what only tests need is not part of the program.
func TestProgramWithoutRigs(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"controller/cmd/aptfleet").Output()
	if err != nil {
		t.Fatalf("cannot list the program's packages: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if pkg := strings.TrimSpace(line); pkg == "testing" || strings.HasPrefix(pkg, module) && strings.HasSuffix(pkg, "test") {
			t.Errorf("the program has %s in it", pkg)
		}
	}
}

func mayImport(room, pkg, imp string) bool {
	if within(imp, "controller/cli") {
		return within(pkg, "controller/cmd") || within(pkg, "integration") || within(pkg, "controller/cli")
	}
	return within(imp, room) || slices.ContainsFunc(may[room], func(dir string) bool { return within(imp, dir) })
}

// roomOf returns the longest key of may that pkg lies within.
func roomOf(pkg string) string {
	room := ""
	for dir := range may {
		if within(pkg, dir) && len(dir) > len(room) {
			room = dir
		}
	}
	return room
}

func within(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// ourImports returns each package of the module with those of its imports,
// tests' included, that are ours too; both without the module's path.
func ourImports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f",
		`{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatalf("cannot list packages: %v", err)
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg := strings.TrimPrefix(words[0], module)
		found[pkg] = nil
		for _, w := range words[1:] {
			if imp, ours := strings.CutPrefix(w, module); ours && imp != pkg {
				found[pkg] = append(found[pkg], imp)
			}
		}
	}
	return found
}
