package aptrepo

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aptfleet/aptfleet/packaging/sign"
)

// ar writes an archive of name, content pairs (ar(5), as deb(5) wants it).
func ar(members ...string) []byte {
	out := bytes.NewBufferString("!<arch>\n")
	for i := 0; i < len(members); i += 2 {
		fmt.Fprintf(out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", members[i], 1700000000, 0, 0, "100644", len(members[i+1]), members[i+1])
		if len(members[i+1])%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// tarGz packs name, content pairs.
func tarGz(files ...string) string {
	var out bytes.Buffer
	gz := gzip.NewWriter(&out)
	w := tar.NewWriter(gz)
	for i := 0; i < len(files); i += 2 {
		_ = w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg}) // into memory
		_, _ = w.Write([]byte(files[i+1]))
	}
	_ = w.Close()
	_ = gz.Close()
	return out.String()
}

// debBytes is a package; extra are further lines of its control file.
func debBytes(name, version, architecture, extra string) []byte {
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: A <a@example.com>\n%sDescription: a sample\n of a package\n",
		name, version, architecture, extra)
	return ar("debian-binary", "2.0\n",
		"control.tar.gz", tarGz("./control", control),
		"data.tar.gz", tarGz("./"+name+".txt", version+"\n"))
}

func writeDeb(t testing.TB, name, version, architecture, extra string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+"_"+architecture+".deb")
	if err := os.WriteFile(path, debBytes(name, version, architecture, extra), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// fixture is a repository with the suites nightly and stable.
type fixture struct {
	*Repository
	t    testing.TB
	root string
	keys *sign.Keyring
	key  *sign.Key
}

func newFixture(t testing.TB) fixture {
	t.Helper()
	return newFixtureIn(t, t.TempDir())
}

func newFixtureIn(t testing.TB, root string) fixture {
	t.Helper()
	key, err := sign.Generate("Example <deploy@example.com>")
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{t: t, root: root, keys: sign.NewKeyring(key), key: key}
	f.Repository, err = Create(t.Context(), Folder(f.root), f.keys, Settings{Origin: "Example", Suites: []string{"nightly", "stable"}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// keyFile stores the signing key, and returns where.
func (f fixture) keyFile() string {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), "key.asc")
	if err := f.key.Store(path, nil); err != nil {
		f.t.Fatal(err)
	}
	return path
}

func (f fixture) publish(suite string, debs ...string) []Published {
	f.t.Helper()
	published, err := f.Publish(f.t.Context(), suite, debs...)
	if err != nil {
		f.t.Fatal(err)
	}
	return published
}

// has returns the packages of a suite as words.
func (f fixture) has(suite string) string {
	f.t.Helper()
	packages, err := f.List(suite)
	if err != nil {
		f.t.Fatal(err)
	}
	var out bytes.Buffer
	for _, p := range packages {
		fmt.Fprintf(&out, "%s_%s_%s ", p.Name, p.Version, p.Architecture)
	}
	return string(bytes.TrimSpace(out.Bytes()))
}
