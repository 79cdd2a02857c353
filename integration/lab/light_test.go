package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nobody is the account that owns nothing, on Debian.
const nobody = 65534

// TestNobody runs the tests of light hosts as nobody, in a process of its own:
// without any right, a lab is light by itself, and packages are installed under
// fakeroot.
func TestNobody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become nobody; the tests of light hosts run without root as they are")
	}
	dir, err := os.MkdirTemp("", "lab-nobody-") // t.TempDir is closed to nobody
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	binary, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "lab.test")
	if err := os.WriteFile(program, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(deadline(t), program, "-test.run=^(TestInstall|TestCut|TestDetached)$", "-test.v")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("as nobody: %v\n%s", err, out)
	}
	for _, want := range []string{"--- PASS: TestInstall/light", "hosts cannot be booted here: not root"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("as nobody: no %q in\n%s", want, out)
		}
	}
}
