package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/cli"
	"github.com/aptfleet/aptfleet/integration/lab"
	"github.com/aptfleet/aptfleet/packaging/aptrepo"
)

// group is the group of all hosts in a fleet's inventory.
const group = "web"

// fleet is what an administrator has: hosts, a folder with the configuration,
// and a repository that the hosts reach. Every story goes through the command
// line; what is looked at on hosts is not looked at through SSH.
type fleet struct {
	t   *testing.T
	lab *lab.Lab
	dir string // of aptfleet.toml; its folder state has the journal, and repository
	url string // of the repository

	server *http.Server // that has the repository
}

// newFleet starts hosts, and gives them a repository with shop 1.0 in its suite
// stable.
func newFleet(t *testing.T, o lab.Options) *fleet {
	t.Helper()
	f := &fleet{t: t, lab: lab.ForTest(t, o), dir: t.TempDir()}
	f.furnish()
	return f
}

// furnish gives the fleet its configuration and its repository.
func (f *fleet) furnish() {
	f.t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(f.lab.ListenAddress(), "0"))
	f.must(err)
	f.url = "http://" + listener.Addr().String()
	f.do("init", "--dir", f.dir, "--state", f.path("state"), "--url", f.url, "--origin", "Story")
	f.write("inventory.toml", f.lab.Inventory(group))
	f.publish(shop{version: "1.0"})
	f.serve(listener)
}

// enrolledFleet is newFleet with hosts that know the repository.
func enrolledFleet(t *testing.T, o lab.Options) *fleet {
	t.Helper()
	f := newFleet(t, o)
	f.do("enroll", group, "--yes")
	return f
}

// bootedFleet is enrolledFleet for a story that only real machines can play.
func bootedFleet(t *testing.T, o lab.Options) *fleet {
	t.Helper()
	f := enrolledFleet(t, o)
	if f.lab.Kind() != lab.Booted {
		t.Skip("no booted hosts: " + f.lab.Reason())
	}
	return f
}

// with returns the fleet for a subtest.
func (f *fleet) with(t *testing.T) *fleet {
	inner := *f
	inner.t = t
	return &inner
}

// serve serves the repository until the test ends, or a story takes it down.
func (f *fleet) serve(l net.Listener) {
	f.t.Helper()
	repository, err := aptrepo.Open(aptrepo.Folder(f.path("state/repository")), nil)
	f.must(err)
	f.server = &http.Server{Handler: repository.Handler()}
	done := make(chan error, 1)
	go func() { done <- f.server.Serve(l) }()
	f.t.Cleanup(func() {
		f.must(f.server.Close())
		<-done
	})
}

func (f *fleet) path(name string) string { return filepath.Join(f.dir, name) }

func (f *fleet) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) write(name, text string) {
	f.t.Helper()
	f.must(os.WriteFile(f.path(name), []byte(text), 0o644))
}

// appendTo adds to the end of a file of the administrator's.
func (f *fleet) appendTo(name, text string) {
	f.t.Helper()
	old, err := os.ReadFile(f.path(name))
	f.must(err)
	f.write(name, string(old)+text)
}

// host returns a host by its number, which begins at 1 as in its name.
func (f *fleet) host(number int) lab.Host { return f.lab.Hosts()[number-1] }

// put writes a file onto a host.
func (f *fleet) put(h lab.Host, name, text string) {
	f.t.Helper()
	f.must(os.MkdirAll(filepath.Dir(h.Path(name)), 0o755))
	f.must(os.WriteFile(h.Path(name), []byte(text), 0o644))
}

// read returns a file of a host, "" if it is not there.
func (f *fleet) read(h lab.Host, name string) string {
	text, err := os.ReadFile(h.Path(name))
	if err != nil && !os.IsNotExist(err) {
		f.t.Fatal(err)
	}
	return string(text)
}

// exec runs a command on a host, not through SSH.
func (f *fleet) exec(h lab.Host, argv ...string) string {
	f.t.Helper()
	out, err := h.Exec(f.t.Context(), argv...)
	f.must(err)
	return string(out)
}

// version returns the version of a package on a host, on hold or not, "" if it has
// none that is whole.
func (f *fleet) version(h lab.Host, name string) string {
	out, err := h.Exec(f.t.Context(), "dpkg-query", "-W", "-f", "${db:Status-Eflag} ${db:Status-Status} ${Version}", name)
	version, whole := strings.CutPrefix(string(out), "ok installed ")
	if err != nil || !whole {
		return ""
	}
	return version
}

// jobID returns the name of the newest job on a host that installs, "" if there is
// none. Their names sort by age up to the ninth rollout.
func (f *fleet) jobID(h lab.Host) string {
	jobs, err := filepath.Glob(h.Path("/var/lib/aptfleet/jobs/*-apt-*/log"))
	f.must(err)
	if len(jobs) == 0 {
		return ""
	}
	return filepath.Base(filepath.Dir(jobs[len(jobs)-1]))
}

// jobLog returns what the host has of the newest job's log.
func (f *fleet) jobLog(h lab.Host) string {
	return f.read(h, "/var/lib/aptfleet/jobs/"+f.jobID(h)+"/log")
}

// count returns how many of the files of jobs a pattern has on a host.
func (f *fleet) count(h lab.Host, pattern string) int {
	f.t.Helper()
	found, err := filepath.Glob(h.Path("/var/lib/aptfleet/jobs/" + pattern))
	f.must(err)
	return len(found)
}

// until polls a condition, and fails the test where it does not come true.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: did not come true", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// answer is what a command left behind.
type answer struct {
	line           []string
	status         int
	stdout, stderr string
}

func (a answer) String() string {
	return fmt.Sprintf("aptfleet %s: status %d\n%s%s", strings.Join(a.line, " "), a.status, a.stdout, a.stderr)
}

// run runs a command line in this process.
func (f *fleet) run(args ...string) answer {
	var out, errs bytes.Buffer
	a := answer{line: args}
	args = append([]string{"--config", f.path("aptfleet.toml"), "--json"}, args...)
	a.status = cli.Main(f.t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	a.stdout, a.stderr = out.String(), errs.String()
	return a
}

// do is run for a command that must succeed.
func (f *fleet) do(args ...string) answer {
	f.t.Helper()
	a := f.run(args...)
	if a.status != 0 {
		f.t.Fatal(a)
	}
	return a
}

// lines reads the JSON lines of one type from what a command printed.
func lines[T any](t *testing.T, kind, stdout string) []T {
	t.Helper()
	var found []T
	for line := range strings.Lines(stdout) {
		var head struct{ Type string }
		if err := json.Unmarshal([]byte(line), &head); err != nil {
			t.Fatalf("cannot read the line %q: %v", line, err)
		}
		if head.Type != kind {
			continue
		}
		var l T
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("cannot read the line %q: %v", line, err)
		}
		found = append(found, l)
	}
	return found
}

// ended is the line that tells how a rollout stands.
type ended struct {
	ID      string
	Phase   string
	Events  int
	Summary map[string]int
	Hosts   []hostEnd
}

// hostEnd is what became of one host.
type hostEnd struct {
	Host, Verdict, Cause string
	Notes                []string
	Before, After        map[string]string
}

// end returns how the rollout of a command stands.
func (a answer) end(t *testing.T) ended {
	t.Helper()
	found := lines[ended](t, "rollout", a.stdout)
	if len(found) != 1 {
		t.Fatalf("%d lines tell how the rollout ended, want 1: %s", len(found), a)
	}
	return found[0]
}

// host returns what became of a host.
func (e ended) host(t *testing.T, name string) hostEnd {
	t.Helper()
	for _, h := range e.Hosts {
		if h.Host == name {
			return h
		}
	}
	t.Fatalf("%s took no part in %s", name, e.ID)
	return hostEnd{}
}

// rollOut is do for a rollout to all hosts.
func (f *fleet) rollOut(args ...string) ended {
	f.t.Helper()
	return f.do(append([]string{"rollout", "--to", group, "--yes"}, args...)...).end(f.t)
}
