package deb

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sourceTree is a source package of one binary package, whose build runs the
// given commands. It needs dpkg-dev alone, not debhelper.
func sourceTree(t *testing.T, commands string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"control":       "Source: shop\nSection: web\nPriority: optional\nMaintainer: A <a@example.com>\nStandards-Version: 4.6.2\n\nPackage: shop\nArchitecture: all\nDescription: a shop\n Sells.\n",
		"changelog":     strings.ReplaceAll(testFiles["changelog"], "1:1.0-1", "1.0"),
		"source/format": "3.0 (native)\n",
		"rules": "#!/usr/bin/make -f\nclean:\nbuild build-indep build-arch:\nbinary-arch:\nbinary binary-indep:\n" + commands +
			"\tmkdir -p debian/shop/DEBIAN\n\tdpkg-gencontrol -Pdebian/shop\n\tdpkg-deb --root-owner-group -b debian/shop ..\n",
	} {
		writeFile(t, filepath.Join(dir, "debian", name), text)
	}
	if err := os.Chmod(filepath.Join(dir, "debian/rules"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestBuildSource(t *testing.T) {
	needs(t, "dpkg-buildpackage", "make", "fakeroot")
	src, out := sourceTree(t, ""), t.TempDir()
	paths, err := BuildSource(t.Context(), src, out)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(out, "shop_1.0_all.deb")}; !slices.Equal(paths, want) {
		t.Fatalf("got %q, want %q", paths, want)
	}
	if c, err := readFile(paths[0], Verify); err != nil || c.Name != "shop" {
		t.Errorf("it was read as %q, %v", c.Name, err)
	}
	wantFiles(t, out, "shop_1.0_all.deb")
	wantFiles(t, filepath.Join(src, "debian"), "changelog control rules source")
}

// TestBuildSourceWhereItLies takes the tree as people name it: from within, with
// the packages put into it, and by a link.
func TestBuildSourceWhereItLies(t *testing.T) {
	needs(t, "dpkg-buildpackage", "make", "fakeroot")
	src := sourceTree(t, "")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(src, link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(src)
	if err := os.Mkdir("out", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ src, out string }{{".", "."}, {src, "out"}, {link, t.TempDir()}} {
		paths, err := BuildSource(t.Context(), tt.src, tt.out)
		if want := []string{filepath.Join(tt.out, "shop_1.0_all.deb")}; err != nil || !slices.Equal(paths, want) {
			t.Errorf("%s into %s: got %q, %v, want %q", tt.src, tt.out, paths, err, want)
		}
	}
	wantFiles(t, src, "debian out shop_1.0_all.deb")
	wantFiles(t, filepath.Join(src, "debian"), "changelog control rules source")
	wantFiles(t, filepath.Join(src, "out"), "shop_1.0_all.deb")
}

// TestBuildSourceWithoutTools wants the package named that has what is missing.
func TestBuildSourceWithoutTools(t *testing.T) {
	src, tools := sourceTree(t, ""), t.TempDir()
	cp, err := exec.LookPath("cp")
	if err == nil {
		err = os.Symlink(cp, filepath.Join(tools, "cp"))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", tools)
	_, err = BuildSource(t.Context(), src, t.TempDir())
	checkError(t, "no dpkg-dev", err, "dpkg-buildpackage is not installed here: apt-get install dpkg-dev")
}

func TestBuildSourceFails(t *testing.T) {
	needs(t, "dpkg-buildpackage", "make", "fakeroot")
	for _, tt := range []struct{ name, src, want string }{
		{"failing rule", sourceTree(t, "\techo the cause; false\n"), "the cause"},
		{"no tree", filepath.Join(t.TempDir(), "nothing"), "cannot copy"},
		{"no debian folder", t.TempDir(), "dpkg-buildpackage: exit status"},
	} {
		out := t.TempDir()
		_, err := BuildSource(t.Context(), tt.src, out)
		checkError(t, tt.name, err, tt.want)
		wantFiles(t, out, "")
	}
}

// TestBuildSourceCancelled cancels a build once it runs, and wants its
// processes to be gone: one that lived would hold the output open.
func TestBuildSourceCancelled(t *testing.T) {
	needs(t, "dpkg-buildpackage", "make", "fakeroot", "mkfifo")
	fifo, out := filepath.Join(t.TempDir(), "fifo"), t.TempDir()
	output(t, "mkfifo", fifo)
	src := sourceTree(t, "\techo begun >"+fifo+"\n\tcat "+fifo+"\n")
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := BuildSource(ctx, src, out)
		failed <- err
	}()
	if text := readAll(t, fifo); string(text) != "begun\n" {
		t.Fatalf("the build said %q", text)
	}
	cancel()
	if err := <-failed; err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the cancelled build ended with %v", err)
	}
	wantFiles(t, out, "")
}

func wantFiles(t *testing.T, dir, want string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("%s has %q, want %q", dir, got, want)
	}
}
