package debian

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// database has a package in each state that dpkg knows (dpkg(1)).
const database = `Package: dpkg
Status: install ok installed
Maintainer: a <a@b.c>
Architecture: amd64
Version: 1.21
Description: x

Package: shop
Status: hold ok installed
Maintainer: a <a@b.c>
Architecture: all
Version: 1:2-1
Conffiles:
 /etc/shop 0123456789abcdef0123456789abcdef
Description: x
 more

Package: libshop
Status: install ok installed
Maintainer: a <a@b.c>
Architecture: amd64
Multi-Arch: same
Version: 3
Description: x

Package: libshop
Status: install ok unpacked
Maintainer: a <a@b.c>
Architecture: i386
Multi-Arch: same
Version: 3
Description: x

Package: only-foreign
Status: install ok installed
Maintainer: a <a@b.c>
Architecture: i386
Version: 4
Description: x

Package: was
Status: deinstall ok config-files
Maintainer: a <a@b.c>
Architecture: amd64
Version: 1
Description: x

Package: half
Status: install ok half-configured
Maintainer: a <a@b.c>
Architecture: amd64
Version: 1
Config-Version: 0.9
Description: x

Package: torn
Status: install reinstreq half-installed
Maintainer: a <a@b.c>
Architecture: amd64
Version: 1
Description: x

Package: waits
Status: install ok triggers-awaited
Maintainer: a <a@b.c>
Architecture: amd64
Version: 1
Triggers-Awaited: shop
Description: x

Package: odd
Status: install reinstreq installed
Maintainer: a <a@b.c>
Architecture: amd64
Version: 1
Description: x
`

// oracle lists the packages as dpkg-query does.
func oracle(t *testing.T, format string) []string {
	t.Helper()
	if _, err := exec.LookPath("dpkg-query"); err != nil {
		t.Skip("dpkg is not installed")
	}
	dir := t.TempDir()
	for _, name := range []string{"info", "updates", "triggers"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "status"), []byte(database), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("dpkg-query", "--admindir="+dir, "-W", "-f", format).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

func TestDatabase(t *testing.T) {
	var d Database
	if err := d.Read(strings.NewReader(database)); err != nil {
		t.Fatal(err)
	}
	for _, line := range oracle(t, "${Package}:${Architecture}|${db:Status-Abbrev}|${Version}\n") {
		f := strings.Split(line, "|")
		want := ""
		if f[1][1:] == "i " {
			want = f[2]
		}
		if got, ok := d.Version(f[0]); ok != (want != "") || ok && got != want {
			t.Errorf("the version of %s is %q, %v; dpkg says %s", f[0], got, ok, line)
		}
	}
	for name, want := range map[string]string{"shop": "1:2-1", "libshop": "3", "only-foreign": "4", "was": "", "odd": "", "none": "", "shop:amd64": ""} {
		if got, ok := d.Version(name); ok != (want != "") || ok && got != want {
			t.Errorf("the version of %s is %q, %v; want %q", name, got, ok, want)
		}
	}
	count := 0
	for range d.Installed() {
		count++
	}
	if count != 4 {
		t.Errorf("%d packages are installed, want 4", count)
	}
}

// TestUnfinished holds the audit against what dpkg-query says of each package.
func TestUnfinished(t *testing.T) {
	var d Database
	if err := d.Read(strings.NewReader(database)); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, line := range oracle(t, "${db:Status-Abbrev}|${binary:Package} ${Version} is ${db:Status-Status}\n") {
		abbrev, words, _ := strings.Cut(line, "|")
		if strings.ContainsRune("UFHWt", rune(abbrev[1])) || abbrev[2] == 'R' {
			if abbrev[2] == 'R' {
				words += " (reinstreq)"
			}
			want = append(want, words)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, d.Unfinished()); diff != "" || len(want) != 5 {
		t.Errorf("Unfinished differs from dpkg:\n%s", diff)
	}
}

// TestUpdates lays over what dpkg wrote down since it last wrote its file.
func TestUpdates(t *testing.T) {
	var d Database
	for _, text := range []string{database, "Package: half\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.1\n"} {
		if err := d.Read(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	if got, ok := d.Version("half"); got != "1.1" || !ok || slices.ContainsFunc(d.Unfinished(), func(l string) bool { return strings.HasPrefix(l, "half") }) {
		t.Errorf("after the update half is %s, %v, %q", got, ok, d.Unfinished())
	}
	err := d.Read(strings.NewReader("Package: x\nStatus: installed\n"))
	if err == nil || !strings.Contains(err.Error(), `package "x" from "installed"`) {
		t.Errorf("a short status gave %v", err)
	}
}

func FuzzDatabase(f *testing.F) {
	f.Add(database)
	f.Fuzz(func(t *testing.T, text string) {
		var d Database
		if d.Read(strings.NewReader(text)) != nil {
			return
		}
		for name, version := range d.Installed() {
			if got, ok := d.Version(name); !ok {
				t.Errorf("%s %s is installed, and then it is %q", name, version, got)
			}
		}
		d.Unfinished()
	})
}
