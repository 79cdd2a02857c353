package deb

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const testControl = "Package: shop\nVersion: 1:1.0-1\nArchitecture: all\nMaintainer: A <a@example.com>\nDescription: a shop\n Sells.\n"

// TestVerifyOfDpkgDeb reads what dpkg-deb writes, in every compression.
func TestVerifyOfDpkgDeb(t *testing.T) {
	needs(t, "dpkg-deb")
	for _, compression := range []string{"gzip", "xz", "zstd", "none"} {
		for _, uniform := range []string{"--uniform-compression", "--no-uniform-compression"} {
			path := dpkgDeb(t, testControl, "-Z"+compression, uniform)
			c, err := readFile(path, Verify)
			if err != nil {
				t.Errorf("%s, %s: %v", compression, uniform, err)
				continue
			}
			if string(c.Bytes()) != testControl || c.Name != "shop" || c.Version != "1:1.0-1" || c.Architecture != "all" {
				t.Errorf("%s, %s: got %+v", compression, uniform, c)
			}
			if c.FileName() != "shop_1.0-1_all.deb" {
				t.Errorf("its file name is %s", c.FileName())
			}
		}
	}
}

// TestVerifyTruncated cuts a package at every byte: none of the pieces is
// a package.
func TestVerifyTruncated(t *testing.T) {
	whole := testDeb(t, nil, nil)
	for n := range len(whole) {
		if _, err := Verify(bytes.NewReader(whole[:n]), int64(n)); err == nil {
			t.Fatalf("the first %d of %d bytes were read as a package", n, len(whole))
		}
	}
	if _, err := Verify(bytes.NewReader(whole), int64(len(whole))); err != nil {
		t.Errorf("the whole: %v", err)
	}
}

func TestVerifyRefusesArchives(t *testing.T) {
	control := tarOf(t, entry{name: "./control", text: testControl})
	for _, tt := range []struct {
		name    string
		archive []byte
		want    string
	}{
		{"nothing", nil, "no ar archive"},
		{"something else", []byte("PK\x03\x04 is a zip archive"), "no ar archive"},
		{"no members", []byte(arMagic), "first member"},
		{"no debian-binary", arOf("control.tar", control), "first member"},
		{"format 3", arOf("debian-binary", "3.0\n", "control.tar", control, "data.tar", ""), "debian-binary says"},
		{"control first", arOf("control.tar", control, "debian-binary", "2.0\n", "data.tar", ""), "first member"},
		{"data before control", arOf("debian-binary", "2.0\n", "data.tar", "", "control.tar", control), "control.tar does not follow"},
		{"no data", arOf("debian-binary", "2.0\n", "control.tar", control), "data.tar does not follow"},
		{"unknown member between", arOf("debian-binary", "2.0\n", "x", "", "control.tar", control, "data.tar", ""), "control.tar does not follow"},
		{"member ../x", arOf("debian-binary", "2.0\n", "../x", ""), "damaged"},
		{"unknown compression", arOf("debian-binary", "2.0\n", "control.tar.Z", control, "data.tar", ""), "control.tar does not follow"},
		{"no gzip", arOf("debian-binary", "2.0\n", "control.tar.gz", control, "data.tar", ""), "control.tar.gz: "},
		{"no xz", arOf("debian-binary", "2.0\n", "control.tar.xz", control, "data.tar", ""), "control.tar.xz: "},
		{"no zstd", arOf("debian-binary", "2.0\n", "control.tar.zst", control, "data.tar", ""), "control.tar.zst: "},
		{"many members", arOf(strings.Split(strings.Repeat("x,,", 80), ",")[:160]...), "more than 64"},
		{"no control", debWith(tarOf(t, entry{name: "./md5sums"}), ""), "no control file"},
		{"control is a folder", debWith(tarOf(t, entry{name: "control/"}), ""), "control is no file"},
		{"two of them", debWith(tarOf(t, entry{name: "control", text: testControl}, entry{name: "./control", text: testControl}), ""), "twice"},
		{"parent in control", debWith(tarOf(t, entry{name: "../control", text: testControl}), ""), "leaves the root"},
		{"empty control", debWith(tarOf(t, entry{name: "control"}), ""), "empty"},
		{"control of another kind", debWith(tarOf(t, entry{name: "control", text: "hello"}), ""), "no colon"},
		{"bad name", debWith(tarOf(t, entry{name: "control", text: strings.Replace(testControl, "shop", "../shop", 1)}), ""), "not a package name"},
		{"bad version", debWith(tarOf(t, entry{name: "control", text: strings.Replace(testControl, "1:1.0-1", "1/2", 1)}), ""), "not a version"},
		{"no architecture", debWith(tarOf(t, entry{name: "control", text: strings.Replace(testControl, "Arch", "X", 1)}), ""), "not an architecture"},
		{"control too large", debWith(tarOf(t, entry{name: "control", text: strings.Repeat("x", maxControl+1)}), ""), "at most"},
	} {
		_, err := Verify(bytes.NewReader(tt.archive), int64(len(tt.archive)))
		checkError(t, tt.name, err, tt.want)
	}
}

// TestVerifyAccepts are archives that dpkg-deb does not write but dpkg reads.
func TestVerifyAccepts(t *testing.T) {
	control := tarOf(t, entry{name: "control", text: testControl})
	for name, archive := range map[string][]byte{
		"a minor version":          arOf("debian-binary", "2.1\nmore\n", "control.tar", control, "data.tar", ""),
		"names that end in /":      arOf("debian-binary/", "2.0\n", "control.tar/", control, "data.tar/", ""),
		"members that begin in _":  arOf("debian-binary", "2.0\n", "_a", "1", "control.tar", control, "_b", "", "data.tar", ""),
		"a signature after it all": arOf("debian-binary", "2.0\n", "control.tar", control, "data.tar", "", "_gpgorigin", "x"),
	} {
		if _, err := Verify(bytes.NewReader(archive), int64(len(archive))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries []entry
		want    string
	}{
		{"parent", []entry{{name: "../etc/passwd"}}, "leaves the root"},
		{"parent inside", []entry{{name: "./usr/../../etc/passwd"}}, "leaves the root"},
		{"parent at the end", []entry{{name: "./usr/.."}}, "leaves the root"},
		{"absolute", []entry{{name: "/etc/passwd"}}, "absolute"},
		{"through a link", []entry{{name: "./x", link: "/etc", kind: tar.TypeSymlink}, {name: "x/passwd"}}, "symbolic link"},
		{"deep through a link", []entry{{name: "a/x", link: "/", kind: tar.TypeSymlink}, {name: "./a/x/etc/passwd"}}, "symbolic link"},
		{"hard link out", []entry{{name: "./x", link: "../etc/passwd", kind: tar.TypeLink}}, "leaves the root"},
		{"hard link through a link", []entry{{name: "x", link: "/etc", kind: tar.TypeSymlink}, {name: "y", link: "x/passwd", kind: tar.TypeLink}}, "symbolic link"},
		{"harmless", []entry{{name: "./"}, {name: "./a..b"}, {name: "./..c"}, {name: "l", link: "../../x", kind: tar.TypeSymlink}}, ""},
	} {
		archive := testDeb(t, nil, tt.entries)
		_, err := Verify(bytes.NewReader(archive), int64(len(archive)))
		checkError(t, tt.name, err, tt.want)
		nothing := func(tarEntry, io.Reader) error { return nil }
		checkError(t, tt.name+", at once", new(atOnce).eachEntry([]byte(tarOf(t, tt.entries...)), nothing), tt.want)
	}
}

// TestVerifyDamagedData flips one bit of the data member: the checksum of the
// compression tells.
func TestVerifyDamagedData(t *testing.T) {
	needs(t, "dpkg-deb")
	for _, compression := range []string{"gzip", "xz", "zstd"} {
		archive, err := os.ReadFile(dpkgDeb(t, testControl, "-Z"+compression))
		if err != nil {
			t.Fatal(err)
		}
		p, err := open(bytes.NewReader(archive), int64(len(archive)))
		if err != nil {
			t.Fatal(err)
		}
		archive[p.data.offset+p.data.size/2] ^= 1
		if _, err := Verify(bytes.NewReader(archive), int64(len(archive))); err == nil {
			t.Errorf("%s: a flipped bit was not noticed", compression)
		}
	}
}

// FuzzVerify holds that no archive, however wrong, is read beyond its size
// or makes a package whose name could be a path.
func FuzzVerify(f *testing.F) {
	control := tarOf(f, entry{name: "./control", text: testControl})
	f.Add(arOf("debian-binary", "2.0\n", "control.tar", control, "data.tar", ""))
	f.Add(arOf("debian-binary/", "2.0\n", "control.tar.gz", control, "data.tar.xz", ""))
	f.Add([]byte(arMagic))
	f.Fuzz(func(t *testing.T, archive []byte) {
		c, err := Verify(bytes.NewReader(archive), int64(len(archive)))
		if err == nil && filepath.Base(c.FileName()) != c.FileName() {
			t.Errorf("the name %q is a path", c.FileName())
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	needs(b, "dpkg-deb")
	for _, compression := range []string{"gzip", "xz", "zstd"} {
		archive, err := os.ReadFile(dpkgDeb(b, testControl, "-Z"+compression))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(compression, func(b *testing.B) {
			for b.Loop() {
				if _, err := Verify(bytes.NewReader(archive), int64(len(archive))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// entry is one entry of a tar archive to be made.
type entry struct {
	name, text, link string
	kind             byte // 0 is a file, or a folder where name ends in "/"
}

func tarOf(t testing.TB, entries ...entry) string {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Size: int64(len(e.text)), Mode: 0o644, Typeflag: e.kind, Linkname: e.link}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// arOf returns an archive of pairs of name and content.
func arOf(pairs ...string) []byte {
	archive := []byte(arMagic)
	for i := 0; i < len(pairs); i += 2 {
		archive = append(archive, arHeader(pairs[i], int64(len(pairs[i+1])), time.Unix(0, 0))...)
		archive = append(archive, pairs[i+1]...)
		if len(pairs[i+1])%2 == 1 {
			archive = append(archive, '\n')
		}
	}
	return archive
}

func debWith(control, data string) []byte {
	return arOf("debian-binary", "2.0\n", "control.tar", control, "data.tar", data)
}

// testDeb returns a package of test's control file and what is given besides.
func testDeb(t testing.TB, control, data []entry) []byte {
	t.Helper()
	return debWith(tarOf(t, append(control, entry{name: "./control", text: testControl})...), tarOf(t, data...))
}

// dpkgDeb has dpkg-deb build a package of one file.
func dpkgDeb(t testing.TB, control string, options ...string) string {
	t.Helper()
	dir := t.TempDir()
	tree, path := filepath.Join(dir, "tree"), filepath.Join(dir, "out.deb")
	writeFile(t, filepath.Join(tree, "DEBIAN/control"), control)
	writeFile(t, filepath.Join(tree, "usr/share/shop"), "goods")
	args := append(options, "--root-owner-group", "-b", tree, path)
	if out, err := exec.Command("dpkg-deb", args...).CombinedOutput(); err != nil {
		t.Fatalf("cannot build with dpkg-deb: %v: %s", err, out)
	}
	return path
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(path string, read func(io.ReaderAt, int64) (Control, error)) (Control, error) {
	f, err := os.Open(path)
	if err != nil {
		return Control{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Control{}, fmt.Errorf("cannot stat: %w", err)
	}
	return read(f, info.Size())
}

func needs(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed, and it is the oracle", tool)
		}
	}
}

// checkError wants an error that contains want, and none where want is "".
func checkError(t testing.TB, what string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: unexpected error: %v", what, err)
	case want != "" && err == nil:
		t.Errorf("%s: no error, want one that contains %q", what, want)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("%s: error %q does not contain %q", what, err, want)
	}
}
