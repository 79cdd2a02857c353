package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDemoWithoutMounts plays the demo where nothing may be mounted, as in most
// containers: it takes light hosts, says so, and still runs the main job.
func TestDemoWithoutMounts(t *testing.T) {
	dir := t.TempDir()
	for _, pkg := range []string{"./controller/cmd/aptfleet", "./integration/demo"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, filepath.Base(pkg)), pkg)
		build.Dir = ".."
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	argv := []string{filepath.Join(dir, "demo"), "-hosts", "2", "-aptfleet", filepath.Join(dir, "aptfleet")}
	if os.Getuid() == 0 { // others may not mount anyway
		argv = append([]string{"setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"}, argv...)
	}
	demo := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	demo.Dir = ".."
	out, err := demo.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"2 light hosts: ", "R1  install shop-web=1.0", "R2  install shop-web=1.1", "shop-web 1.0 -> 1.1"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if got := strings.Count(string(out), "\n2 done\n"); got < 2 {
		t.Errorf("%d rollouts were done on both hosts:\n%s", got, out)
	}
}
