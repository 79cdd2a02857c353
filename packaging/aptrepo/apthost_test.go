package aptrepo

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// aptHost is this machine's apt and dpkg in a folder of their own.
type aptHost struct {
	t    testing.TB
	root string
}

func newAptHost(t testing.TB) aptHost {
	t.Helper()
	for _, program := range []string{"apt-get", "dpkg", "gpgv"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	h := aptHost{t, t.TempDir()}
	for _, dir := range []string{"etc/apt/sources.list.d", "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/trusted.gpg.d",
		"var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/log/apt", "tmp"} {
		if err := os.MkdirAll(filepath.Join(h.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.write("var/lib/dpkg/status", nil)
	h.write("var/lib/dpkg/available", nil)
	h.write("apt.conf", fmt.Appendf(nil, `Dir "%[1]s"; Dir::State::status "%[1]s/var/lib/dpkg/status"; Dir::Bin::Methods "/usr/lib/apt/methods";
Dir::Bin::dpkg "/usr/bin/dpkg"; Dpkg::Options {"--root=%[1]s"; "--force-script-chrootless"; "--force-not-root"; "--log=%[1]s/var/log/dpkg.log";};
APT::Sandbox::User "%[2]s"; APT::Architecture "amd64"; APT::Architectures {"amd64";}; APT::Update::Error-Mode "any"; Acquire::Retries "0"; Acquire::Languages "none";
`, h.root, whoami()))
	return h
}

func whoami() string {
	out, err := exec.Command("id", "-un").Output()
	if err != nil {
		return "root"
	}
	return strings.TrimSpace(string(out))
}

func (h aptHost) write(name string, data []byte) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.root, name), data, 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// run runs a command as it would on the host.
func (h aptHost) run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(h.root, "apt.conf"), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "http_proxy=", "no_proxy=*")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (h aptHost) must(name string, args ...string) string {
	h.t.Helper()
	out, err := h.run(name, args...)
	if err != nil {
		h.t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return out
}

// update fails the test also for a warning: apt hides much in them.
func (h aptHost) update() {
	h.t.Helper()
	if out := h.must("apt-get", "update"); strings.Contains(out, "W:") || strings.Contains(out, "E:") {
		h.t.Errorf("apt-get update: %s", out)
	}
}

// installed returns the version of a package, "" if it is not installed.
func (h aptHost) installed(name string) string {
	out, _ := h.run("dpkg-query", "--root="+h.root, "-W", "-f", "${Version}", name) // it fails for an unknown one
	if strings.Contains(out, "no packages found") {
		return ""
	}
	return out
}

// source enrolls the host into a repository that is served.
func (h aptHost) source(f fixture, suites ...string) {
	h.t.Helper()
	text, err := f.Source(f.serve(), suites...)
	if err != nil {
		h.t.Fatal(err)
	}
	h.write("etc/apt/sources.list.d/aptfleet.sources", text)
}

func (f fixture) serve() string {
	server := httptest.NewServer(f.Handler())
	f.t.Cleanup(server.Close)
	return server.URL
}
