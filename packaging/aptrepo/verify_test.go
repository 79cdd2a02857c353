package aptrepo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/packaging/sign"
)

func (f fixture) verify() {
	f.t.Helper()
	if err := f.Verify(f.t.Context()); err != nil {
		f.t.Errorf("the repository has faults: %v", err)
	}
}

// TestVerifyNamesFaults breaks one thing at a time.
func TestVerifyNamesFaults(t *testing.T) {
	edit := func(old, new string) func([]byte) []byte {
		return func(data []byte) []byte { return []byte(strings.Replace(string(data), old, new, 1)) }
	}
	for _, tt := range []struct {
		name, file string // a pattern; every match is changed
		change     func([]byte) []byte
		says       []string
	}{
		{"pool file is missing", "pool/main/a/app_*", nil, []string{"nightly: app 1.0 (amd64)", "no such file"}},
		{"pool file was changed", "pool/main/a/app_*", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, []string{"app 1.0 (amd64)", "SHA-256"}},
		{"pool file was cut", "pool/main/d/docs_*", func(b []byte) []byte { return b[:len(b)-1] }, []string{"docs 2.0 (all)", "bytes"}},
		{"index by hash is missing", "dists/nightly/main/binary-amd64/by-hash/SHA256/*", nil, []string{"by-hash"}},
		{"plain name is missing", "dists/nightly/main/binary-amd64/Packages", nil, []string{"nightly/main/binary-amd64/Packages: "}},
		{"plain name is of another generation", "dists/nightly/main/binary-amd64/Packages.gz", edit("", "x"), []string{"binary-amd64/Packages.gz: it has"}},
		{"InRelease was forged", "dists/nightly/InRelease", edit("Example", "Exumple"), []string{"dists/nightly: cannot verify InRelease"}},
		{"Release says something else", "dists/nightly/Release", edit("Example", "Exumple"), []string{"Release does not say what InRelease says", "Release.gpg"}},
		{"signature is missing", "dists/nightly/Release.gpg", nil, []string{"Release.gpg"}},
		{"chunk table was changed", stateDir + "/suites/nightly/*", edit(`"n":"app"`, `"n":"apq"`), []string{"the table says apq 1.0"}},
		{"chunk table ends early", stateDir + "/suites/nightly/*", shorten, []string{"the table of chunks ends at byte "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			f.publish("nightly", writeDeb(t, "app", "1.0", "amd64", ""), writeDeb(t, "docs", "2.0", "all", ""))
			f.verify()
			spoil(t, filepath.Join(f.root, tt.file), tt.change)
			err := f.Verify(t.Context())
			if err == nil {
				t.Fatal("Verify found nothing")
			}
			for _, words := range tt.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("Verify does not say %q: %v", words, err)
				}
			}
		})
	}
}

// TestSignedByOthers: nothing is built on a release that our keys have not signed,
// which is one that was changed, or that hosts trust for a key that is not here.
// Signing it anew is a decision of its own.
func TestSignedByOthers(t *testing.T) {
	other, err := sign.Generate("Another <other@example.com>")
	if err != nil {
		t.Fatal(err)
	}
	for name, spoilt := range map[string]func(*testing.T, *fixture){
		"changed": func(t *testing.T, f *fixture) {
			spoil(t, filepath.Join(f.root, "dists/nightly/InRelease"), func(b []byte) []byte {
				b[strings.Index(string(b), "SIGNATURE-----\n\n")+40] ^= 1
				return b
			})
		},
		"another key": func(t *testing.T, f *fixture) {
			r, err := Open(Folder(f.root), sign.NewKeyring(other))
			if err != nil {
				t.Fatal(err)
			}
			f.Repository = r
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.publish("nightly", writeDeb(t, "app", "1.0", "amd64", ""))
			spoilt(t, &f)
			before := snapshot(t, f.root)
			_, err := f.Publish(t.Context(), "nightly", writeDeb(t, "app", "2.0", "amd64", ""))
			if err == nil || !strings.Contains(err.Error(), "nightly: no key here has signed its InRelease as it is") {
				t.Errorf("publishing returned %v", err)
			}
			sameFiles(t, before, snapshot(t, f.root))
			if err := f.Resign(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.publish("nightly", writeDeb(t, "app", "2.0", "amd64", ""))
			f.verify()
		})
	}
}

// TestLostRelease: a suite whose InRelease is gone is never taken for an empty one.
func TestLostRelease(t *testing.T) {
	for _, gone := range []string{"dists/nightly/InRelease", "dists/nightly"} {
		f := newFixture(t)
		f.publish("nightly", writeDeb(t, "app", "1.0", "amd64", ""))
		if err := os.RemoveAll(filepath.Join(f.root, gone)); err != nil {
			t.Fatal(err)
		}
		_, err := Create(t.Context(), Folder(f.root), f.keys, Settings{Origin: "Example", Suites: []string{"nightly", "stable"}})
		if want := "nightly: its InRelease is gone, though it was published: restore dists/nightly"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without %s Create returned %v, want %q", gone, err, want)
		}
		_, err = f.Publish(t.Context(), "nightly", writeDeb(t, "app", "2.0", "amd64", ""))
		for what, err := range map[string]error{"Publish": err, "Verify": f.Verify(t.Context())} {
			if !errors.Is(err, ErrNoSuite) {
				t.Errorf("without %s %s returned %v, want %v", gone, what, err, ErrNoSuite)
			}
		}
	}
}

// TestForeignRelease: every signature is right, but they are another suite's.
func TestForeignRelease(t *testing.T) {
	f := newFixture(t)
	f.publish("nightly", writeDeb(t, "app", "1.0", "amd64", ""))
	nightly, stable := filepath.Join(f.root, "dists/nightly"), filepath.Join(f.root, "dists/stable")
	if err := errors.Join(os.RemoveAll(nightly), os.CopyFS(nightly, os.DirFS(stable))); err != nil {
		t.Fatal(err)
	}
	_, err := f.Publish(t.Context(), "nightly", writeDeb(t, "app", "2.0", "amd64", ""))
	for what, err := range map[string]error{"Publish": err, "Verify": f.Verify(t.Context())} {
		if want := "nightly: its InRelease is that of the suite stable"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s returned %v, want %q", what, err, want)
		}
	}
}

// chunkLength is where the table says how long a chunk of Packages is.
var chunkLength = regexp.MustCompile(`"plain":\{"size":([0-9]+),"state"`)

// shorten takes three bytes off it, which leaves a stanza that can be read.
func shorten(table []byte) []byte {
	return chunkLength.ReplaceAllFunc(table, func(b []byte) []byte {
		length, _ := strconv.Atoi(string(chunkLength.FindSubmatch(b)[1])) // digits
		return fmt.Appendf(nil, `"plain":{"size":%d,"state"`, length-3)
	})
}

// spoil changes the files that match, or removes them.
func spoil(t *testing.T, pattern string, change func([]byte) []byte) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("nothing matches %s (%v)", pattern, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(name); err != nil { // names may be links to one file
			t.Fatal(err)
		}
		if change == nil {
			continue
		}
		if err := os.WriteFile(name, change(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLostTable: the table is only a cache.
func TestLostTable(t *testing.T) {
	for _, change := range []func([]byte) []byte{nil, func(b []byte) []byte { return b[:len(b)/2] }} {
		f := newFixture(t)
		f.publish("nightly", writeDeb(t, "app", "1.0", "amd64", ""), writeDeb(t, "zebra", "2.0", "all", ""))
		spoil(t, filepath.Join(f.root, stateDir, "suites/nightly/*"), change)
		if err := f.Promote(t.Context(), "app", "1.0", "nightly", "stable"); err != nil {
			t.Fatal(err)
		}
		f.publish("nightly", writeDeb(t, "middle", "1.0", "amd64", ""))
		f.verify()
		if got, want := f.has("nightly"), "app_1.0_amd64 middle_1.0_amd64 zebra_2.0_all"; got != want {
			t.Errorf("nightly has %q, want %q", got, want)
		}
	}
}
