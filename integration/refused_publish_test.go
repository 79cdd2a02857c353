package integration

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestRefusedPublish: what cannot be published, and a key that cannot sign, are
// refused with the file's name. The repository stays as it is to the last byte,
// and the host goes on with what it has.
func TestRefusedPublish(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Kind: lab.Light})
	whole, err := os.ReadFile(f.build(shop{version: "1.1"}))
	f.must(err)
	other, err := os.ReadFile(f.build(shop{version: "1.0", conf: "other = yes\n"}))
	f.must(err)
	control := tarball("./control", "Package: evil\nVersion: 1\nArchitecture: all\nMaintainer: E <e@example.com>\nDescription: evil\n")
	before := f.repository()
	for name, content := range map[string][]byte{
		"truncated":     whole[:len(whole)-20],
		"no-archive":    []byte("PK\x03\x04 says that it is something else"),
		"above":         archive("debian-binary", "2.0\n", "control.tar.gz", control, "data.tar.gz", tarball("../../etc/cron.d/evil", "")),
		"member-above":  archive("debian-binary", "2.0\n", "../evil", "", "control.tar.gz", control, "data.tar.gz", tarball("./evil", "")),
		"other-content": other,
	} {
		f.must(os.WriteFile(f.path(name+".deb"), content, 0o644))
		f.refuses(before, name+".deb", f.path(name+".deb"))
	}
	f.must(os.WriteFile(f.path("good.deb"), whole, 0o644))
	f.must(os.Rename(f.path("signing-key.asc"), f.path("kept.asc")))
	f.refuses(before, "signing-key.asc", f.path("good.deb"))
	f.must(os.WriteFile(f.path("signing-key.asc"), expiredKey(t), 0o600))
	f.refuses(before, "expired", f.path("good.deb"))

	f.must(os.Rename(f.path("kept.asc"), f.path("signing-key.asc")))
	f.rollOut("shop=1.0")
	f.do("publish", "--suite", "stable", f.path("good.deb"))
	f.rollOut("shop=1.1")
	f.has("1.1")
}

// refuses wants a package not to be published, by an error with a word in it, and
// the repository to have nothing of it.
func (f *fleet) refuses(before, word, file string) {
	f.t.Helper()
	if a := f.run("publish", "--suite", "stable", file); a.status != 1 || !strings.Contains(a.stderr, word) {
		f.t.Errorf("want status 1 and %q: %s", word, a)
	}
	if after := f.repository(); after != before {
		f.t.Errorf("%s was refused, and the repository was\n%s and is\n%s", file, before, after)
	}
}

// repository returns all that can be fetched from the repository.
func (f *fleet) repository() string {
	f.t.Helper()
	var all strings.Builder
	for _, folder := range []string{"dists", "pool"} {
		f.must(filepath.WalkDir(f.path("state/repository/"+folder), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			fmt.Fprintf(&all, "%s: %d bytes, %x\n", path, len(content), sha256.Sum256(content))
			return err
		}))
	}
	return all.String()
}

// archive writes an ar archive of members by name and content (deb(5), ar(5)).
func archive(members ...string) []byte {
	out := bytes.NewBufferString("!<arch>\n")
	for i := 0; i < len(members); i += 2 {
		fmt.Fprintf(out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", members[i], 0, 0, 0, "100644", len(members[i+1]), members[i+1])
		if out.Len()%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// tarball packs one file. What is written to memory does not fail.
func tarball(name, content string) string {
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	w := tar.NewWriter(packed)
	_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))})
	_, _ = w.Write([]byte(content))
	_ = w.Close()
	_ = packed.Close()
	return out.String()
}

// expiredKey returns a signing key that was good for a day in 2020.
func expiredKey(t *testing.T) []byte {
	t.Helper()
	home := t.TempDir()
	var key []byte
	for _, args := range [][]string{
		{"--faked-system-time", "20200101T000000", "--quick-generate-key", "Old <old@example.com>", "ed25519", "sign", "1d"},
		{"--armor", "--export-secret-keys"},
	} {
		cmd := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--quiet", "--passphrase", ""}, args...)...)
		var err error
		if key, err = cmd.Output(); err != nil {
			t.Fatalf("%s: %v", cmd, err)
		}
	}
	return key
}
