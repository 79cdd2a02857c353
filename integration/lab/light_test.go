package lab

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestWithoutRights runs tests of light hosts in processes that may not boot
// any, as they would run there: a lab is light by itself, and installs packages.
func TestWithoutRights(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give up rights; without them the other tests show this by themselves")
	}
	for _, tt := range []struct {
		name   string
		run    []string // what takes the rights away
		tests  string
		reason string
	}{
		{"nobody", []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, "TestInstall|TestInventory|TestCut|TestDetached", "not root"},
		{"root in a container", []string{"setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"}, "TestInstall", "cannot mount an overlay"},
		{"root of a user namespace", []string{"unshare", "--user", "--map-root-user"}, "TestInstall", "operation not permitted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, program := copyOfTest(t)
			cmd := exec.CommandContext(deadline(t), tt.run[0], append(tt.run[1:], program, "-test.v",
				"-test.run=^("+tt.tests+")$")...)
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range []string{"--- PASS: TestInstall/light", "hosts cannot be booted here: ", tt.reason} {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
		})
	}
}

// copyOfTest copies this program to where everybody may run it and write, which
// t.TempDir is not.
func copyOfTest(t *testing.T) (dir, program string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "lab-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a test's own rubbish
	binary, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(dir, "lab.test")
	if err := os.WriteFile(program, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir, program
}

// TestSweepLight leaves a folder behind as a killed lab does, with a job that
// still runs, and wants the next lab to end both, and to leave its own alone.
func TestSweepLight(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	mine := ForTest(t, Options{Kind: Light})
	dead, err := openLight()
	if err != nil {
		t.Fatal(err)
	}
	k, err := newKeys(dead.dir)
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := dead.start(t.Context(), Options{Count: 1}, k)
	if err != nil {
		t.Fatal(err)
	}
	job := hosts[0].Command(context.Background(), "sleep", "1000")
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	if err := dead.lock.Close(); err != nil { // as the end of its process does
		t.Fatal(err)
	}
	ForTest(t, Options{Kind: Light})
	_ = job.Wait() // killed, as its state says
	if status := job.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
		t.Errorf("the job of a dead lab ended with %v", job.ProcessState)
	}
	if _, err := os.Stat(dead.dir); !os.IsNotExist(err) {
		t.Errorf("the folder of a dead lab: %v, want it to be gone", err)
	}
	tell(t, mine, mine.Hosts()[0], "true")
	if err := dead.close(); err != nil {
		t.Errorf("what is left in this process: %v", err)
	}
}
