package deb

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testRecipe is a recipe with one of everything, below which "NAME.d" of files
// lies; it must be written to a folder by writeRecipe.
const testRecipe = `
name = "shop"
version = "1:1.0-1"
architecture = "all"
maintainer = "A <a@example.com>"
section = "contrib/web"
homepage = "https://example.com/"
description = """
a shop
Sells things.

 verbatim"""
depends = ["adduser", "shop-data (= ${VERSION}) | shop-goods"]
conflicts = ["shop1 (<< 2)"]
changelog = "changelog"
copyright = "copyright"
triggers = ["activate-noawait shop-changed"]
fields = { Built-Using = "x (= 1)", Tag = "role::program" }

[scripts]
postinst = "postinst"

[[files]]
src = "bin/*"
dst = "/usr/bin/"
[[files]]
src = "share"
dst = "/usr/share/${NAME}"
[[files]]
src = "shop.conf"
dst = "/etc/shop/shop.conf"
mode = "0640"
owner = "www-data"
group = "adm"
[[files]]
src = "shop.conf"
dst = "/etc/shop/example.conf"
config = false
[[files]]
src = "shop.1"
dst = "/usr/share/man/man1/"

[[dirs]]
path = "/var/lib/shop"
mode = "2750"
owner = "www-data"

[[links]]
path = "/usr/bin/shop2"
target = "shop"

[[units]]
src = "shop.service"
`

var testFiles = map[string]string{
	"bin/shop": "#!/bin/sh\n", "bin/shopctl": "#!/bin/sh\nexit\n",
	"share/goods/a": strings.Repeat("a", 1025), "share/goods/empty": "", "share/b": "b",
	"shop.conf": "x = 1\n", "shop.1": ".TH SHOP 1\n", "shop.service": "[Service]\nExecStart=/usr/bin/shop\n[Install]\nWantedBy=multi-user.target\n",
	"copyright": "all rights\n", "postinst": "#!/bin/sh\nset -e\necho \"$1\"\n#DEBHELPER#\nexit 0\n",
	"changelog": "shop (1:1.0-1) stable; urgency=medium\n\n  * First.\n\n -- A <a@example.com>  Mon, 23 Nov 2026 12:00:00 +0100\n",
}

// writeRecipe writes the recipe and its files to a new folder.
func writeRecipe(t testing.TB, recipe string) (path string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range testFiles {
		writeFile(t, filepath.Join(dir, name), text)
	}
	for _, program := range []string{"bin/shop", "bin/shopctl"} {
		if err := os.Chmod(filepath.Join(dir, program), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", filepath.Join(dir, "share/goods/link")); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "shop.toml")
	writeFile(t, path, recipe)
	return path
}

// build builds a recipe into a new folder.
func build(t testing.TB, recipe string, change ...func(*Recipe)) string {
	t.Helper()
	r, err := LoadRecipe(recipe)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(r)
	}
	path, err := r.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

const wantContents = `drwxr-xr-x root/root 0 ./
drwxr-xr-x root/root 0 ./etc/
drwxr-xr-x root/root 0 ./etc/shop/
-rw-r--r-- root/root 6 ./etc/shop/example.conf
-rw-r----- www-data/adm 6 ./etc/shop/shop.conf
drwxr-xr-x root/root 0 ./lib/
drwxr-xr-x root/root 0 ./lib/systemd/
drwxr-xr-x root/root 0 ./lib/systemd/system/
-rw-r--r-- root/root 71 ./lib/systemd/system/shop.service
drwxr-xr-x root/root 0 ./usr/
drwxr-xr-x root/root 0 ./usr/bin/
-rwxr-xr-x root/root 10 ./usr/bin/shop
-rwxr-xr-x root/root 15 ./usr/bin/shopctl
drwxr-xr-x root/root 0 ./usr/share/
drwxr-xr-x root/root 0 ./usr/share/doc/
drwxr-xr-x root/root 0 ./usr/share/doc/shop/
-rw-r--r-- root/root N ./usr/share/doc/shop/changelog.Debian.gz
-rw-r--r-- root/root 11 ./usr/share/doc/shop/copyright
drwxr-xr-x root/root 0 ./usr/share/man/
drwxr-xr-x root/root 0 ./usr/share/man/man1/
-rw-r--r-- root/root N ./usr/share/man/man1/shop.1.gz
drwxr-xr-x root/root 0 ./usr/share/shop/
-rw-r--r-- root/root 1 ./usr/share/shop/b
drwxr-xr-x root/root 0 ./usr/share/shop/goods/
-rw-r--r-- root/root 1025 ./usr/share/shop/goods/a
-rw-r--r-- root/root 0 ./usr/share/shop/goods/empty
drwxr-xr-x root/root 0 ./var/
drwxr-xr-x root/root 0 ./var/lib/
drwxr-s--- www-data/root 0 ./var/lib/shop/
lrwxrwxrwx root/root 0 ./usr/bin/shop2 -> shop
lrwxrwxrwx root/root 0 ./usr/share/shop/goods/link -> a
`

// TestBuildAsDpkgSeesIt has dpkg-deb read what Build writes, in every
// compression.
func TestBuildAsDpkgSeesIt(t *testing.T) {
	needs(t, "dpkg-deb", "xz")
	recipe := writeRecipe(t, testRecipe)
	for _, c := range []Compression{"", Zstd, Xz, Gzip, None} {
		path := build(t, recipe, func(r *Recipe) { r.Compression = c })
		if filepath.Base(path) != "shop_1.0-1_all.deb" {
			t.Errorf("the file is %s", path)
		}
		if diff := cmp.Diff(wantContents, contentsOf(t, path)); diff != "" {
			t.Errorf("%s: contents (-want +got):\n%s", c, diff)
		}
		if _, err := readFile(path, Verify); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
}

// contentsOf lists a package without the dates and the sizes of what is packed
// with gzip, which depend on its version.
func contentsOf(t *testing.T, path string) string {
	var list strings.Builder
	for line := range strings.Lines(output(t, "dpkg-deb", "-c", path)) {
		words := strings.Fields(line)
		if words[3] != "2026-11-23" {
			t.Errorf("the date of %q is not that of the changelog", line)
		}
		if strings.HasSuffix(words[5], ".gz") {
			words[2] = "N"
		}
		list.WriteString(strings.Join(append(words[:3:3], words[5:]...), " ") + "\n")
	}
	return list.String()
}

func TestBuildControl(t *testing.T) {
	needs(t, "dpkg-deb")
	path := build(t, writeRecipe(t, testRecipe))
	want := `Package: shop
Version: 1:1.0-1
Architecture: all
Maintainer: A <a@example.com>
Installed-Size: 31
Depends: adduser, shop-data (= 1:1.0-1) | shop-goods
Conflicts: shop1 (<< 2)
Section: contrib/web
Priority: optional
Homepage: https://example.com/
Built-Using: x (= 1)
Tag: role::program
Description: a shop
 Sells things.
 .
  verbatim
`
	if diff := cmp.Diff(want, output(t, "dpkg-deb", "-I", path, "control")); diff != "" {
		t.Errorf("control (-want +got):\n%s", diff)
	}
	if got := output(t, "dpkg-deb", "-I", path, "conffiles"); got != "/etc/shop/shop.conf\n" {
		t.Errorf("conffiles are %q", got)
	}
	if got := output(t, "dpkg-deb", "-I", path, "triggers"); got != "activate-noawait shop-changed\n" {
		t.Errorf("triggers are %q", got)
	}
}

// TestBuildMd5sums has md5sum check the unpacked package, and wants every file
// but conffiles and links to be listed.
func TestBuildMd5sums(t *testing.T) {
	needs(t, "dpkg-deb", "md5sum")
	path, root := build(t, writeRecipe(t, testRecipe)), t.TempDir()
	output(t, "dpkg-deb", "-x", path, root)
	sums := output(t, "dpkg-deb", "-I", path, "md5sums")
	cmd := exec.Command("md5sum", "--check", "--strict", "--quiet")
	cmd.Dir, cmd.Stdin = root, strings.NewReader(sums)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("md5sum: %v: %s", err, out)
	}
	if n := strings.Count(sums, "\n"); n != strings.Count(wantContents, "\n-")-1 {
		t.Errorf("%d files are listed:\n%s", n, sums)
	}
}

// TestInstalledSizeAgreesWithDpkg has dpkg-gencontrol count the unpacked package.
func TestInstalledSizeAgreesWithDpkg(t *testing.T) {
	needs(t, "dpkg-gencontrol", "dpkg-deb")
	path, dir := build(t, writeRecipe(t, testRecipe)), t.TempDir()
	output(t, "dpkg-deb", "-x", path, filepath.Join(dir, "root"))
	writeFile(t, filepath.Join(dir, "debian/control"), "Source: shop\nMaintainer: A <a@example.com>\n\nPackage: shop\nArchitecture: all\nDescription: x\n")
	writeFile(t, filepath.Join(dir, "debian/changelog"), testFiles["changelog"])
	cmd := exec.Command("dpkg-gencontrol", "-Proot", "-O")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := parseControl(out)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := readFile(path, Verify)
	if err != nil {
		t.Fatal(err)
	}
	if ours.Get("Installed-Size") != theirs.Get("Installed-Size") {
		t.Errorf("Installed-Size is %s, dpkg-gencontrol says %s", ours.Get("Installed-Size"), theirs.Get("Installed-Size"))
	}
}

// TestBuildIsReproducible builds the same from another folder, with other dates
// and a group-writable checkout.
func TestBuildIsReproducible(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	for _, c := range []Compression{Zstd, Gzip, None} {
		compress := func(r *Recipe) { r.Compression = c }
		first, recipe := build(t, writeRecipe(t, testRecipe), compress), writeRecipe(t, testRecipe)
		err := filepath.WalkDir(filepath.Dir(recipe), func(path string, _ fs.DirEntry, walkErr error) error {
			info, err := os.Stat(path)
			if err != nil || walkErr != nil {
				return errors.Join(err, walkErr)
			}
			return os.Chmod(path, info.Mode()|0o020)
		})
		if err != nil {
			t.Fatal(err)
		}
		a, b := readAll(t, first), readAll(t, build(t, recipe, compress))
		if !bytes.Equal(a, b) {
			t.Errorf("%s: two builds of the same differ", c)
		}
	}
}

func TestBuildDate(t *testing.T) {
	needs(t, "dpkg-deb")
	newest := "2026-11-23 11:00" // of the changelog, in UTC
	for _, tt := range []struct {
		name, epoch, version, want string
	}{
		{"changelog", "", "1:1.0-1", newest},
		{"epoch over changelog", strconv.Itoa(1_700_000_000), "1:1.0-1", "2023-11-14 22:13"},
		{"epoch with a version unknown to the changelog", strconv.Itoa(1_700_000_000), "2.0", "2023-11-14 22:13"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("SOURCE_DATE_EPOCH", tt.epoch)
			t.Setenv("TZ", "UTC")
			path := build(t, writeRecipe(t, testRecipe), func(r *Recipe) { r.Version = tt.version })
			if list := output(t, "dpkg-deb", "-c", path); strings.Count(list, tt.want) != strings.Count(list, "\n") {
				t.Errorf("not all files are of %s:\n%s", tt.want, list)
			}
		})
	}
}

// TestBuildLeavesNothingBehind ends builds by a cancelled context and by a file
// that is missing.
func TestBuildLeavesNothingBehind(t *testing.T) {
	r, err := LoadRecipe(writeRecipe(t, testRecipe))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Build(ctx, dir); err == nil {
		t.Error("a cancelled build succeeded")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

func output(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, stderr.Bytes())
	}
	return string(out)
}

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
