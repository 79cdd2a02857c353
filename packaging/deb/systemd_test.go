package deb

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	plainUnit   = "[Service]\nExecStart=/bin/true\n"
	installUnit = plainUnit + "[Install]\nWantedBy=multi-user.target\n"
)

// unitTests are units of one package, each call of dh_installsystemd with its
// options on a line.
var unitTests = []struct {
	name  string
	units map[string]string
	toml  string
	calls []string
}{
	{"default", map[string]string{"a.service": installUnit}, `
		[[units]]
		src = "a.service"`, []string{"a.service"}},
	{"no install section", map[string]string{"a.service": plainUnit}, `
		[[units]]
		src = "a.service"`, []string{"a.service"}},
	{"several, and a template", map[string]string{"b.timer": installUnit, "a.service": plainUnit, "c@.service": installUnit}, `
		[[units]]
		src = "b.timer"
		[[units]]
		src = "a.service"
		[[units]]
		src = "c@.service"`, []string{"a.service b.timer"}},
	{"not enabled", map[string]string{"a.service": installUnit}, `
		[[units]]
		src = "a.service"
		enable = false`, []string{"--no-enable a.service"}},
	{"not started", map[string]string{"a.service": installUnit}, `
		[[units]]
		src = "a.service"
		start = false`, []string{"--no-start --restart-after-upgrade a.service"}},
	{"neither", map[string]string{"a.service": installUnit}, `
		[[units]]
		src = "a.service"
		enable = false
		start = false`, []string{"--no-enable --no-start --restart-after-upgrade a.service"}},
	{"not started, and stopped by an upgrade", map[string]string{"a.service": installUnit}, `
		[[units]]
		src = "a.service"
		start = false
		restart = "around-upgrade"`, []string{"--no-start a.service"}},
	{"stopped while upgraded", map[string]string{"a.service": installUnit}, `
		[[units]]
		src = "a.service"
		restart = "around-upgrade"`, []string{"--no-restart-after-upgrade a.service"}},
	{"never restarted", map[string]string{"a.service": installUnit}, `
		[[units]]
		src = "a.service"
		restart = "never"`, []string{"--no-restart-after-upgrade --no-stop-on-upgrade a.service"}},
	{"two treatments", map[string]string{"a.service": installUnit, "b.service": installUnit}, `
		[[units]]
		src = "b.service"
		restart = "never"
		[[units]]
		src = "a.service"`, []string{"--no-restart-after-upgrade --no-stop-on-upgrade b.service", "a.service"}},
}

// TestScriptsAgreeWithDebhelper compares our maintainer scripts with those of
// dh_installsystemd and dh_installdeb, of the version whose snippets we have.
func TestScriptsAgreeWithDebhelper(t *testing.T) {
	needs(t, "dh_installsystemd", "dh_installdeb", "dpkg-query")
	if v := output(t, "dpkg-query", "-W", "-f", "${Version}", "debhelper"); !strings.HasPrefix(v, "13.11") {
		t.Skipf("debhelper is %s, and our snippets are of 13.11", v)
	}
	for _, tt := range unitTests {
		t.Run(tt.name, func(t *testing.T) {
			theirs, ours := debhelperScripts(t, tt.units, tt.calls), ourScripts(t, tt.units, tt.toml)
			if diff := cmp.Diff(theirs, ours); diff != "" {
				t.Errorf("scripts (-debhelper +ours):\n%s", diff)
			}
		})
	}
}

var scriptNames = []string{"preinst", "postinst", "prerm", "postrm"}

func ourScripts(t *testing.T, units map[string]string, toml string) map[string]string {
	dir := t.TempDir()
	for name, text := range units {
		writeFile(t, filepath.Join(dir, name), text)
	}
	r, err := parseRecipe("shop.toml", []byte(toml))
	if err != nil {
		t.Fatal(err)
	}
	r.dir = dir
	nodes, err := r.scripts()
	if err != nil {
		t.Fatal(err)
	}
	scripts := map[string]string{}
	for _, n := range nodes {
		scripts[n.path] = string(n.content)
	}
	return scripts
}

var debhelperMark = regexp.MustCompile(`(?m)^# Automatically added by dh_\S+$`)

// debhelperScripts runs the calls, and puts the guard into their scripts that
// ours have beyond 13.11.
func debhelperScripts(t *testing.T, units map[string]string, calls []string) map[string]string {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "debian/control"), "Source: shop\nMaintainer: A <a@example.com>\nBuild-Depends: debhelper-compat (= 13)\n\nPackage: shop\nArchitecture: all\nDescription: x\n")
	writeFile(t, filepath.Join(dir, "debian/changelog"), testFiles["changelog"])
	for name, text := range units {
		writeFile(t, filepath.Join(dir, "debian/shop/lib/systemd/system", name), text)
	}
	run := func(name string, args ...string) {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
	}
	for _, call := range calls {
		run("dh_installsystemd", strings.Fields(call)...)
	}
	run("dh_installdeb")
	guard := strings.NewReplacer(
		"if [ -d /run/systemd/system ]", `if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]`,
		`if [ "$1" = remove ] && [ -d`, `if [ -z "${DPKG_ROOT:-}" ] && [ "$1" = remove ] && [ -d`)
	scripts := map[string]string{}
	for _, name := range scriptNames {
		paths, err := filepath.Glob(filepath.Join(dir, "debian/shop/DEBIAN", name))
		if err != nil || len(paths) == 0 {
			continue
		}
		text := debhelperMark.ReplaceAllString(string(readAll(t, paths[0])), "# Automatically added by aptfleet")
		scripts[name] = guard.Replace(text)
	}
	return scripts
}

// TestScriptsKeepTheUsersOwn puts the commands where the token stands.
func TestScriptsKeepTheUsersOwn(t *testing.T) {
	needs(t, "sh", "dpkg-deb")
	script := output(t, "dpkg-deb", "-I", build(t, writeRecipe(t, testRecipe)), "postinst")
	before, after, ok := strings.Cut(script, "# Automatically added by aptfleet\n")
	if !ok || before != "#!/bin/sh\nset -e\necho \"$1\"\n" || !strings.HasSuffix(after, "# End automatically added section\nexit 0\n") {
		t.Errorf("postinst is %q", script)
	}
	cmd := exec.Command("sh", "-n")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sh does not read it: %v: %s", err, out)
	}
}
