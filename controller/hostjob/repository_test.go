package hostjob_test

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// repository is a folder of packages that apt reads.
type repository struct {
	t    testing.TB
	dir  string
	date time.Time // of the last Release; apt believes only one that rises
}

func newRepository(t testing.TB) *repository {
	r := &repository{t: t, dir: t.TempDir(), date: time.Now().Add(-time.Hour)}
	r.publish()
	return r
}

func (r *repository) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// unpublish takes every version of a package away.
func (r *repository) unpublish(name string) {
	r.t.Helper()
	debs, _ := filepath.Glob(filepath.Join(r.dir, name+"_*.deb"))
	for _, deb := range debs {
		r.must(os.Remove(deb))
	}
	r.publish()
}

// pkg is a package to build: its scripts run outside the root, so they must be
// harmless to this machine.
type pkg struct {
	name, version string
	arch          string // "" is all
	control       string // more fields, each with its newline
	preinst       string
	postinst      string
	conffile      string // content of /etc/NAME.conf
}

// publish builds packages into the repository, beside those that are there.
func (r *repository) publish(pkgs ...pkg) {
	r.t.Helper()
	for _, p := range pkgs {
		r.build(p)
	}
	debs, _ := filepath.Glob(filepath.Join(r.dir, "*.deb"))
	var packages strings.Builder
	for _, deb := range debs {
		control, err := exec.Command("dpkg-deb", "-f", deb).Output()
		r.must(err)
		data, err := os.ReadFile(deb)
		r.must(err)
		fmt.Fprintf(&packages, "%sFilename: ./%s\nSize: %d\nSHA256: %x\n\n", control, filepath.Base(deb), len(data), sha256.Sum256(data))
	}
	index := packages.String()
	r.date = r.date.Add(time.Second)
	r.write("Packages", index)
	r.write("Release", fmt.Sprintf("Suite: test\nDate: %s\nSHA256:\n %x %d Packages\n",
		r.date.UTC().Format(time.RFC1123), sha256.Sum256([]byte(index)), len(index)))
}

func (r *repository) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	r.must(os.WriteFile(path, []byte(text), 0o644))
	r.must(os.Chtimes(path, r.date, r.date))
}

// build writes one package and returns the path of its archive.
func (r *repository) build(p pkg) string {
	r.t.Helper()
	dir := r.t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		path := filepath.Join(dir, name)
		r.must(os.MkdirAll(filepath.Dir(path), 0o755))
		r.must(os.WriteFile(path, []byte(text), mode))
	}
	write("DEBIAN/control", fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Test <test@example.com>\n%sDescription: made by a test\n", p.name, p.version, cmp.Or(p.arch, "all"), p.control), 0o644)
	write("usr/share/"+p.name+"/version", p.version+"\n", 0o644)
	for name, script := range map[string]string{"preinst": p.preinst, "postinst": p.postinst} {
		if script != "" {
			write("DEBIAN/"+name, "#!/bin/sh\n"+script+"\n", 0o755)
		}
	}
	if p.conffile != "" {
		write("etc/"+p.name+".conf", p.conffile, 0o644)
		write("DEBIAN/conffiles", "/etc/"+p.name+".conf\n", 0o644)
	}
	deb := filepath.Join(r.dir, fmt.Sprintf("%s_%s_%s.deb", p.name, p.version, cmp.Or(p.arch, "all")))
	if out, err := exec.Command("dpkg-deb", "-Zgzip", "--root-owner-group", "-b", dir, deb).CombinedOutput(); err != nil {
		r.t.Fatalf("cannot build %s: %v\n%s", deb, err, out)
	}
	return deb
}
