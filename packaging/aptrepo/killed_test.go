package aptrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/aptfleet/aptfleet/packaging/sign"
)

// publishEnv makes the test's program publish instead: its value is the root,
// the key file, the suite and the packages, one a line. nobodyEnv makes it do so
// as nobody.
const (
	publishEnv = "APTREPO_TEST_PUBLISH"
	nobodyEnv  = "APTREPO_TEST_NOBODY"
	nobody     = 65534
)

func TestMain(m *testing.M) {
	if words := os.Getenv(publishEnv); words != "" {
		runtime.LockOSThread() // strace counts the system calls of each thread apart
		args := strings.Split(words, "\n")
		if os.Getenv(nobodyEnv) != "" {
			if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
				panic(err)
			}
		}
		if err := publishAs(args[0], args[1], args[2], args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// publishing returns the environment in which the test's program publishes.
func (f fixture) publishing(key, suite string, debs ...string) []string {
	return append(os.Environ(), publishEnv+"="+strings.Join(append([]string{f.root, key, suite}, debs...), "\n"))
}

func publishAs(root, key, suite string, debs []string) error {
	keys, err := sign.Load(key, nil)
	if err != nil {
		return err
	}
	r, err := Open(Folder(root), keys)
	if err != nil {
		return err
	}
	_, err = r.Publish(context.Background(), suite, debs...)
	return err
}

// changing are the system calls by which a publish touches the disk; a death at
// any other leaves what the one before it left.
var changing = []string{"openat", "write", "close", "mkdirat", "fchmod", "fchmodat", "copy_file_range", "utimensat", "fsync", "syncfs", "renameat", "linkat", "unlinkat", "flock"}

// TestKilledAtEverySystemCall kills a publisher at each of them in turn.
func TestKilledAtEverySystemCall(t *testing.T) {
	needStrace(t)
	stride := 1
	if testing.Short() {
		stride = 7
	}
	template := newFixture(t)
	template.publish("nightly", writeDeb(t, "app", "1.0", "amd64", ""), writeDeb(t, "docs", "1", "all", ""))
	template.publish("stable", writeDeb(t, "base", "1.0", "amd64", ""))
	key := template.keyFile()
	next := []string{writeDeb(t, "app", "2.0", "amd64", ""), writeDeb(t, "docs", "2", "all", "")}
	kills := 0
	for _, call := range changing {
		for n := 1; killAt(t, template, key, call, n, next); n += stride {
			kills++
		}
	}
	t.Logf("killed %d times", kills)
	if kills < 100/stride {
		t.Errorf("only %d of a publish's system calls were tried", kills)
	}
}

func needStrace(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed")
	}
	if out, err := exec.Command("strace", "-o", "/dev/null", "true").CombinedOutput(); err != nil {
		t.Skipf("this machine lets nobody trace: %v: %s", err, out)
	}
}

// killAt publishes in a copy of the template, and kills the publisher at the
// system call's nth time; it returns false if there was none such.
func killAt(t *testing.T, template fixture, key, call string, n int, next []string) bool {
	t.Helper()
	root := filepath.Join(t.TempDir(), "repository")
	if err := os.CopyFS(root, os.DirFS(template.root)); err != nil {
		t.Fatal(err)
	}
	r, err := Open(Folder(root), template.keys)
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{Repository: r, t: t, root: root, keys: template.keys}
	killed := publishKilled(t, f, key, call, n, next)

	const old, fresh = "app_1.0_amd64 docs_1_all", "app_1.0_amd64 app_2.0_amd64 docs_1_all docs_2_all"
	where := fmt.Sprintf("%s %d", call, n)
	seen := f.has("nightly")
	if seen != old && seen != fresh || !killed && seen != fresh {
		t.Fatalf("%s: nightly has %q", where, seen)
	}
	f.healthyByHash(where)
	f.publish("stable", writeDeb(t, "base", "2.0", "amd64", ""))
	f.verify()
	if seen == old {
		f.only(where, "base_1.0_amd64.deb", "base_2.0_amd64.deb", "app_1.0_amd64.deb", "docs_1_all.deb")
	} else {
		f.only(where, "base_1.0_amd64.deb", "base_2.0_amd64.deb", "app_1.0_amd64.deb", "app_2.0_amd64.deb", "docs_1_all.deb", "docs_2_all.deb")
	}
	if t.Failed() {
		t.FailNow()
	}
	return killed
}

func publishKilled(t *testing.T, f fixture, key, call string, n int, next []string) (killed bool) {
	t.Helper()
	cmd := exec.Command("strace", "-f", "-o", "/dev/null", "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n), os.Args[0])
	cmd.Env = append(f.publishing(key, "nightly", next...), "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL: // strace ends as its child did
		return true
	}
	t.Fatalf("%s %d: %v: %s", call, n, err, out)
	return false
}
