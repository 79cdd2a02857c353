// Package sample tests the sample application as a package: what lintian says of
// it, and that dpkg installs, upgrades and removes it.
package sample

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/packaging/deb"
)

const recipe = "shop-web/shop-web.toml"

// build builds the program and the package of a version.
func build(t *testing.T, version string, compression deb.Compression) string {
	t.Helper()
	run(t, exec.Command("shop-web/build.sh", version))
	r, err := deb.LoadRecipe(recipe)
	if err != nil {
		t.Fatal(err)
	}
	r.Version, r.Compression = version, compression
	path, err := r.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLintian wants no error and no warning. The package is in xz because the
// lintian of Debian 12 calls every zstd package malformed, dpkg-deb's too.
func TestLintian(t *testing.T) {
	needs(t, "lintian")
	path := build(t, "1.0", deb.Xz)
	out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error,warning", path).CombinedOutput()
	if err != nil {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}

// TestDpkg installs 1.0 in a private root, edits its conffile, upgrades to 1.1,
// and removes it.
func TestDpkg(t *testing.T) {
	needs(t, "dpkg")
	root := newRoot(t)
	root.dpkg("-i", build(t, "1.0", deb.Zstd))
	if got := root.status("shop-web"); got != "install ok installed 1.0" {
		t.Errorf("after the installation it is %q", got)
	}
	if err := os.WriteFile(filepath.Join(root.dir, "etc/default/shop-web"), []byte("SHOP_GREETING=Mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	root.dpkg("-i", build(t, "1.1", deb.Gzip)) // does not touch the edited file, since its own did not change
	if got := root.status("shop-web"); got != "install ok installed 1.1" {
		t.Errorf("after the upgrade it is %q", got)
	}
	if out := root.dpkg("--verify", "shop-web"); out != "??5?????? c /etc/default/shop-web\n" {
		t.Errorf("dpkg --verify says %q", out)
	}
	if got := serve(t, filepath.Join(root.dir, "usr/sbin/shop-web")); !strings.Contains(got, `"version":"1.1"`) {
		t.Errorf("the installed program answers %q", got)
	}
	root.dpkg("-P", "shop-web")
	if _, err := os.Stat(filepath.Join(root.dir, "usr/sbin/shop-web")); !os.IsNotExist(err) {
		t.Errorf("the program is still there: %v", err)
	}
}

// privateRoot is a folder with a dpkg database of its own.
type privateRoot struct {
	t   *testing.T
	dir string
}

func newRoot(t *testing.T) privateRoot {
	t.Helper()
	root := privateRoot{t, t.TempDir()}
	for _, dir := range []string{"info", "updates", "triggers"} {
		if err := os.MkdirAll(filepath.Join(root.dir, "var/lib/dpkg", dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"status", "available"} {
		if err := os.WriteFile(filepath.Join(root.dir, "var/lib/dpkg", file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// dpkg runs dpkg in the root; who is not root needs fakeroot.
func (r privateRoot) dpkg(args ...string) string {
	r.t.Helper()
	argv := append([]string{"dpkg", "--root=" + r.dir, "--force-script-chrootless", "--force-not-root", "--log=" + r.dir + "/log"}, args...)
	if os.Geteuid() != 0 {
		needs(r.t, "fakeroot")
		argv = append([]string{"fakeroot"}, argv...)
	}
	return run(r.t, exec.Command(argv[0], argv[1:]...))
}

func (r privateRoot) status(name string) string {
	r.t.Helper()
	return run(r.t, exec.Command("dpkg-query", "--admindir="+r.dir+"/var/lib/dpkg", "-W", "-f", "${Status} ${Version}", name))
}

// serve starts the program, returns what it says of its health, and ends it.
func serve(t *testing.T, program string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "SHOP_LISTEN="+address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	health := poll(t, "http://"+address+"/healthz", ended)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the program ended with %v", err)
	}
	return health
}

// poll asks until there is an answer or the program has ended.
func poll(t *testing.T, url string, ended <-chan error) string {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			t.Fatalf("the program ended before it answered: %v", err)
		case <-tick.C:
		}
		resp, err := http.Get(url)
		if err != nil {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil {
			return string(body)
		}
	}
}

func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s%s", strings.Join(cmd.Args, " "), err, out, stderr.String())
	}
	return string(out)
}

func needs(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
}
