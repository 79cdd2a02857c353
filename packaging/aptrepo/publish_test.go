package aptrepo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// snapshot returns all files below root with their content, ours left out.
func snapshot(t testing.TB, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.Contains(path, "/"+stateDir+"/") {
			return err
		}
		data, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, root+"/")] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func sameFiles(t testing.TB, before, after map[string]string) {
	t.Helper()
	for name := range before {
		if after[name] != before[name] {
			t.Errorf("%s has changed", name)
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			t.Errorf("%s is new", name)
		}
	}
}

func TestPublishPromoteRemove(t *testing.T) {
	f := newFixture(t)
	f.publish("nightly", writeDeb(t, "app", "1.0", "amd64", ""), writeDeb(t, "docs", "1:2.0", "all", ""))
	f.publish("nightly", writeDeb(t, "app", "1.10", "amd64", ""))
	f.publish("nightly", writeDeb(t, "app", "1.9", "amd64", ""))
	for _, step := range []struct {
		do              func() error
		nightly, stable string
	}{
		{func() error { return f.Promote(t.Context(), "app", "1.9", "nightly", "stable") }, "app_1.0_amd64 app_1.9_amd64 app_1.10_amd64 docs_1:2.0_all", "app_1.9_amd64"},
		{func() error { return f.Promote(t.Context(), "docs", "1:2.0", "nightly", "stable") }, "app_1.0_amd64 app_1.9_amd64 app_1.10_amd64 docs_1:2.0_all", "app_1.9_amd64 docs_1:2.0_all"},
		{func() error { return f.Remove(t.Context(), "nightly", "app", "1.10") }, "app_1.0_amd64 app_1.9_amd64 docs_1:2.0_all", "app_1.9_amd64 docs_1:2.0_all"},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := f.has("nightly"); got != step.nightly {
			t.Errorf("nightly has %q, want %q", got, step.nightly)
		}
		if got := f.has("stable"); got != step.stable {
			t.Errorf("stable has %q, want %q", got, step.stable)
		}
	}
}

// TestNothingToDo: what is there already makes no new generation.
func TestNothingToDo(t *testing.T) {
	f := newFixture(t)
	path := writeDeb(t, "app", "1.0", "amd64", "")
	if p := f.publish("nightly", path, path); len(p) != 1 || p[0].Already {
		t.Errorf("the first publish returned %v", p)
	}
	before := snapshot(t, f.root)
	if p := f.publish("nightly", path); len(p) != 1 || !p[0].Already {
		t.Errorf("the second publish returned %v", p)
	}
	sameFiles(t, before, snapshot(t, f.root))
	if err := f.Promote(t.Context(), "app", "1.0", "nightly", "nightly"); err != nil {
		t.Error(err)
	}
	sameFiles(t, before, snapshot(t, f.root))
}

// TestOpenToWebServers: what hosts fetch can be read by any web server, whatever the
// umask of whoever publishes, which is 077 in the daemon's unit.
func TestOpenToWebServers(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077)) // no test runs beside this one
	f := newFixtureIn(t, filepath.Join(t.TempDir(), "srv", "apt"))
	f.publish("nightly", writeDeb(t, "app", "1.0", "amd64", ""))
	err := filepath.WalkDir(filepath.Dir(f.root), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.Name() == stateDir {
			return fs.SkipDir
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o044 != 0o044 || e.IsDir() && info.Mode().Perm() != 0o755 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMendedPackages publishes what is there already, of which the pool has lost
// the file, or has it damaged: no other file but that is changed.
func TestMendedPackages(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func([]byte) []byte
	}{
		{"missing", nil},
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }},
		{"changed", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			app := writeDeb(t, "app", "1.0", "amd64", "")
			f.publish("nightly", app)
			f.publish("stable", writeDeb(t, "docs", "2.0", "all", ""))
			before := snapshot(t, f.root)
			spoil(t, filepath.Join(f.root, "pool/main/a/app_*"), tt.change)
			if _, err := f.Publish(t.Context(), "nightly", writeDeb(t, "app", "1.0", "amd64", "Section: web\n")); !errors.Is(err, ErrConflict) {
				t.Errorf("publishing other content returned %v", err)
			}
			if p := f.publish("nightly", app); len(p) != 1 || !p[0].Already {
				t.Errorf("publishing it again returned %v", p)
			}
			f.verify()
			sameFiles(t, before, snapshot(t, f.root))
		})
	}
}

func TestRefusedPackages(t *testing.T) {
	f := newFixture(t)
	f.publish("nightly", writeDeb(t, "app", "1.0", "amd64", ""))
	good := debBytes("other", "1.0", "amd64", "")
	data := tarGz("./x", "y")
	control := tarGz("./control", "Package: evil\nVersion: 1\nArchitecture: amd64\nMaintainer: a\nDescription: b\n")
	for _, tt := range []struct {
		name  string
		bytes []byte
		is    error
		says  string
	}{
		{"missing", nil, fs.ErrNotExist, ""},
		{"empty", []byte{}, nil, ""},
		{"truncated", good[:len(good)-20], nil, ""},
		{"truncated in control", good[:150], nil, ""},
		{"no archive", []byte("PK\x03\x04 this is a zip file, or says so, and is long enough"), nil, ""},
		{"above the root", ar("debian-binary", "2.0\n", "control.tar.gz", control, "data.tar.gz", tarGz("../../etc/cron.d/x", "y")), nil, "../../etc/cron.d/x"},
		{"control above the root", ar("debian-binary", "2.0\n", "control.tar.gz", tarGz("../control", "x"), "data.tar.gz", data), nil, "../control"},
		{"member above the root", ar("debian-binary", "2.0\n", "../x", "y", "control.tar.gz", control, "data.tar.gz", data), nil, "../x"},
		{"other content", debBytes("app", "1.0", "amd64", "Section: web\n"), ErrConflict, "app 1.0 (amd64)"},
		{"fields of an index", debBytes("app", "2.0", "amd64", "Filename: pool/x\n"), nil, "Filename"},
		{"all and same", debBytes("app", "2.0", "all", "Multi-Arch: same\n"), nil, "Multi-Arch: same"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.deb")
			if tt.bytes != nil {
				if err := os.WriteFile(path, tt.bytes, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			before := snapshot(t, f.root)
			_, err := f.Publish(t.Context(), "nightly", writeDeb(t, "fine", "1.0", "amd64", ""), path)
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want %v saying %q", err, tt.is, tt.says)
			}
			sameFiles(t, before, snapshot(t, f.root))
		})
	}
}

// TestConflictAcrossSuites: a version is one thing in the whole repository,
// also after it was taken out of its suite, since hosts may have it.
func TestConflictAcrossSuites(t *testing.T) {
	f := newFixture(t)
	f.publish("nightly", writeDeb(t, "app", "1.0", "amd64", ""))
	other := writeDeb(t, "app", "1.0", "amd64", "Section: web\n")
	if _, err := f.Publish(t.Context(), "stable", other); !errors.Is(err, ErrConflict) {
		t.Errorf("publishing other content to another suite returned %v", err)
	}
	if err := f.Remove(t.Context(), "nightly", "app", "1.0"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Publish(t.Context(), "stable", other); !errors.Is(err, ErrConflict) {
		t.Errorf("publishing other content after removing returned %v", err)
	}
	// An epoch makes it another version, with a file of its own.
	f.publish("stable", writeDeb(t, "app", "1:1.0", "amd64", ""))
}

func TestRefusedNames(t *testing.T) {
	f := newFixture(t)
	path := writeDeb(t, "app", "1.0", "amd64", "")
	for _, suite := range []string{"testing", "", "../nightly", "a/b", "Nightly"} {
		if _, err := f.Publish(t.Context(), suite, path); err == nil {
			t.Errorf("publishing to %q was accepted", suite)
		}
	}
	for name, err := range map[string]error{
		"promote": f.Promote(t.Context(), "app", "9", "nightly", "stable"),
		"remove":  f.Remove(t.Context(), "nightly", "app", "9"),
	} {
		if !errors.Is(err, ErrNotPublished) {
			t.Errorf("%s of what is not there returned %v", name, err)
		}
	}
}

func TestFrozen(t *testing.T) {
	f := newFixture(t)
	for _, s := range []Settings{{Origin: "Other"}, {Origin: "Example", Label: "Other"}} {
		if _, err := Create(t.Context(), Folder(f.root), f.keys, s); !errors.Is(err, ErrFrozen) {
			t.Errorf("Create(%+v) returned %v", s, err)
		}
	}
	more, err := Create(t.Context(), Folder(f.root), f.keys, Settings{Origin: "Example", Suites: []string{"nightly", "testing"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(more.Suites(), " "); got != "nightly stable testing" {
		t.Errorf("the suites are %q", got)
	}
	if _, err := more.List("testing"); err != nil {
		t.Error(err)
	}
	if _, err := Open(Folder(t.TempDir()), nil); !errors.Is(err, ErrNoRepository) {
		t.Errorf("opening an empty folder returned %v", err)
	}
}
