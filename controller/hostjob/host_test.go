package hostjob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

// host is a Debian system in a folder: this machine's own apt and dpkg with a
// root of their own, and sh on this machine in place of a connection.
type host struct {
	t    testing.TB
	root string
	env  []string

	*repository              // that the source of ours reads, over HTTP
	handler     http.Handler // of it
	down        atomic.Bool  // it answers nothing of use
}

func newHost(t testing.TB) *host {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("dpkg unpacks files as root only")
	}
	h := &host{t: t, root: t.TempDir(), repository: newRepository(t)}
	for _, dir := range []string{"var/lib/dpkg/updates", "var/lib/dpkg/info", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial",
		"etc/apt/sources.list.d", "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/trusted.gpg.d", "var/log/apt", "bin"} {
		h.must(os.MkdirAll(filepath.Join(h.root, dir), 0o755))
	}
	dpkg := []string{"--root=" + h.root, "--force-script-chrootless", "--log=" + h.root + "/var/log/dpkg.log"}
	h.write("var/lib/dpkg/status", "")
	h.write("apt.conf", fmt.Sprintf("Dir %q;\nDir::State::status %q;\nDir::Bin::Methods \"/usr/lib/apt/methods\";\nDir::Bin::dpkg \"/usr/bin/dpkg\";\nDpkg::Options {\"%s\";};\nAPT::Sandbox::User \"root\";\n",
		h.root, h.root+"/var/lib/dpkg/status", strings.Join(dpkg, `"; "`)))
	h.program("dpkg", "exec /usr/bin/dpkg "+strings.Join(dpkg, " ")+` "$@"`)
	h.program("dpkg-query", "exec /usr/bin/dpkg-query "+dpkg[0]+` "$@"`)
	h.env = append(os.Environ(), "APT_CONFIG="+h.root+"/apt.conf", "APTFLEET_ROOT="+h.root, "PATH="+h.root+"/bin:"+os.Getenv("PATH"))
	h.handler = http.FileServer(http.Dir(h.dir))
	server := httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(server.Close)
	t.Cleanup(h.stop)
	h.write("etc/apt/sources.list.d/aptfleet.sources", "Types: deb\nURIs: "+server.URL+"\nSuites: ./\nTrusted: yes\n")
	return h
}

func (h *host) serve(w http.ResponseWriter, r *http.Request) {
	if h.down.Load() {
		http.NotFound(w, r)
		return
	}
	h.handler.ServeHTTP(w, r)
}

// Shell is the connection to the host.
func (h *host) Shell(ctx context.Context, script string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", script, "sh"}, args...)...)
	cmd.Env = h.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && ctx.Err() == nil {
		return out, &exitError{exit.ExitCode(), stderr.String()}
	}
	return out, err
}

type exitError struct {
	status int
	stderr string
}

func (e *exitError) ExitStatus() int { return e.status }
func (e *exitError) Error() string   { return fmt.Sprintf("exited with %d: %s", e.status, e.stderr) }

func (h *host) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) write(name, text string) {
	h.t.Helper()
	h.must(os.WriteFile(filepath.Join(h.root, name), []byte(text), 0o644))
}

func (h *host) read(name string) string {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.root, name))
	h.must(err)
	return string(text)
}

// program puts a shell script into the host's own PATH.
func (h *host) program(name, script string) {
	h.t.Helper()
	h.must(os.WriteFile(filepath.Join(h.root, "bin", name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
}

// exec runs a command on the host.
func (h *host) exec(argv ...string) string {
	h.t.Helper()
	cmd := exec.Command("sh", append([]string{"-c", `exec "$@"`, "sh"}, argv...)...)
	cmd.Env = h.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// stop ends the jobs that a test left running, by their process groups.
func (h *host) stop() {
	pids, _ := filepath.Glob(filepath.Join(h.root, "var/lib/aptfleet/jobs/*/pid"))
	for _, name := range pids {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(text))
		if pid, err := strconv.Atoi(fields[0]); err == nil && birth(pid) == fields[1] {
			h.killTree(pid)
		}
	}
}

func birth(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.Fields(rest)[19]
}

// killTree kills a process and all that descends from it.
func (h *host) killTree(pid int) {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	_ = syscall.Kill(pid, syscall.SIGKILL) // it may just have ended
	for _, child := range strings.Fields(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			h.killTree(n)
		}
	}
}

// remove takes a file away.
func (h *host) remove(name string) {
	h.t.Helper()
	h.must(os.Remove(filepath.Join(h.root, name)))
}

// installed brings packages of the repository onto the host.
func (h *host) installed(packages ...string) {
	h.t.Helper()
	h.exec("apt-get", "-q", "update")
	h.exec(append([]string{"apt-get", "-q", "-y", "install"}, packages...)...)
}

// halfInstalled leaves version 1.0 of a package as dpkg does that is killed
// while it unpacks.
func (h *host) halfInstalled(name string) {
	h.t.Helper()
	killer := newRepository(h.t).build(pkg{name: name, version: "1.0", preinst: "kill -9 $PPID"})
	cmd := exec.Command(filepath.Join(h.root, "bin/dpkg"), "-i", killer)
	if err := cmd.Run(); err == nil {
		h.t.Fatal("dpkg was not killed")
	}
	if list := h.exec("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", name); list != "iHR" {
		h.t.Fatalf("%s is %s, want iHR", name, list)
	}
}

// run runs a job to its end and fails the test if it cannot.
func (h *host) run(spec hostjob.Spec) hostjob.Outcome {
	h.t.Helper()
	o, err := hostjob.Run(h.t.Context(), h, h.spec(spec), hostjob.Watch{})
	if err != nil {
		h.t.Fatalf("cannot run the job: %v\n%s", err, h.log(spec.ID))
	}
	return o
}

// spec fills in what most tests don't care for.
func (h *host) spec(s hostjob.Spec) hostjob.Spec {
	if s.ID == "" {
		s.ID = "job"
	}
	if s.Owner == "" {
		s.Owner = "test"
	}
	if s.Mode == "" {
		s.Mode = hostjob.Install
	}
	return s
}

// log returns the log of a job, for messages of tests.
func (h *host) log(id string) string {
	if id == "" {
		id = "job"
	}
	text, _ := os.ReadFile(filepath.Join(h.root, "var/lib/aptfleet/jobs", id, "log"))
	return string(text)
}

func targets(names ...string) []hostjob.Target {
	var list []hostjob.Target
	for _, n := range names {
		name, version, _ := strings.Cut(n, "=")
		list = append(list, hostjob.Target{Name: name, Version: version})
	}
	return list
}
