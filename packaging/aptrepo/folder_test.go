package aptrepo

import (
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDraftInPlace: nobody gets half a package, not even who asks for it before any
// index names it; and a file that is there stays as it was until the next is whole.
func TestDraftInPlace(t *testing.T) {
	f := newFixture(t)
	if err := os.Chmod(filepath.Dir(f.root), 0o755); err != nil { // for nobody
		t.Fatal(err)
	}
	const name = "pool/main/a/app.deb"
	serve := func() string {
		w := httptest.NewRecorder()
		f.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/"+name, nil))
		return strings.TrimPrefix(w.Body.String(), "404 page not found\n")
	}
	see := func(when, want string, mode fs.FileMode) {
		t.Helper()
		if got := serve(); got != want {
			t.Errorf("%s: served %q, want %q", when, got, want)
		}
		if got := asNobody(t, serve); got != want {
			t.Errorf("%s: nobody served %q, want %q", when, got, want)
		}
		if info, err := os.Stat(filepath.Join(f.root, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, want %v (%v)", when, info.Mode(), mode, err)
		}
	}
	create := func(text string) Put {
		t.Helper()
		d, err := f.files.Create(name)
		if err == nil {
			_, err = d.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
		return Put{Name: name, Draft: d}
	}
	first := create("first")
	see("begun", "", hiddenMode)
	if err := f.files.Commit(first); err != nil {
		t.Fatal(err)
	}
	see("there", "first", fileMode)
	second := create("second")
	see("begun again", "first", fileMode)
	second.Draft.Discard()
	see("discarded", "first", fileMode)
	if err := f.files.Commit(create("third")); err != nil {
		t.Fatal(err)
	}
	see("there again", "third", fileMode)
}

// asNobody calls do as a user for whom modes are more than advice, where the test is root.
func asNobody(t *testing.T, do func() string) string {
	t.Helper()
	if os.Getuid() != 0 {
		return do()
	}
	runtime.LockOSThread() // of which alone it is the user
	defer runtime.UnlockOSThread()
	if err := unix.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setfsuid(0); err != nil {
			t.Error(err)
		}
	}()
	return do()
}

// TestShownDurably: after a power cut, no index may name a package that is hidden
// still, since only its folder was synced after its mode was changed.
func TestShownDurably(t *testing.T) {
	needStrace(t)
	f := newFixture(t)
	log := filepath.Join(t.TempDir(), "log")
	cmd := exec.Command("strace", "-f", "-y", "-o", log, "-e", "trace=fchmodat,fsync,renameat", os.Args[0])
	cmd.Env = f.publishing(f.keyFile(), "stable", writeDeb(t, "app", "1.0", "amd64", ""))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	calls, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	order := regexp.MustCompile(`(?s)fsync\([^\n]*/app_1\.0_amd64\.deb>.*fchmodat\([^\n]*/app_1\.0_amd64\.deb".*fsync\([^\n]*/app_1\.0_amd64\.deb>.*renameat\([^\n]*/InRelease"`)
	if !order.Match(calls) {
		t.Errorf("the package is not synced, shown and synced again before it is named:\n%s", calls)
	}
}

// TestPublishUnprivileged publishes as a user for whom modes are more than advice.
func TestPublishUnprivileged(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("all others are unprivileged already, and so are all tests")
	}
	f := newFixture(t)
	key := f.keyFile()
	if err := os.Chmod(filepath.Dir(f.root), 0o755); err != nil { // it is above all of the test's folders
		t.Fatal(err)
	}
	debs := []string{writeDeb(t, "app", "1.0", "amd64", ""), writeDeb(t, "docs", "1", "all", "")}
	for _, theirs := range append([]string{f.root, key}, debs...) {
		err := filepath.WalkDir(theirs, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, nobody, nobody))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(f.publishing(key, "stable", debs...), nobodyEnv+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := f.has("stable"); got != "app_1.0_amd64 docs_1_all" {
		t.Errorf("stable has %q", got)
	}
}
