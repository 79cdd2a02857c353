package integration

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/integration/lab"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/packaging/aptrepo"
	"github.com/aptfleet/aptfleet/packaging/deb"
	"github.com/aptfleet/aptfleet/packaging/sign"
)

// jobFleet is a lab, reached through SSH, whose hosts know a signed repository.
type jobFleet struct {
	*lab.Lab
	t     *testing.T
	ssh   *remote.Fleet
	hosts []inventory.Host
	repo  *aptrepo.Repository

	release func() error  // of the lock that a story holds
	lost    chan struct{} // closed once the first host is noticed to be lost
}

func newJobFleet(t *testing.T, o lab.Options) *jobFleet {
	t.Helper()
	f := &jobFleet{Lab: lab.ForTest(t, o), t: t}
	inv, err := inventory.Parse("lab.toml", []byte(f.Inventory("web")))
	f.must(err)
	f.hosts = inv.Hosts()
	f.ssh, err = remote.New(remote.Options{Agent: "none"})
	f.must(err)
	t.Cleanup(func() { f.must(f.ssh.Close()) })
	f.enroll()
	return f
}

func (f *jobFleet) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// enroll makes a repository and tells every host of it.
func (f *jobFleet) enroll() {
	f.t.Helper()
	key, err := sign.Generate("Example <deploy@example.com>")
	f.must(err)
	f.repo, err = aptrepo.Create(f.t.Context(), aptrepo.Folder(f.t.TempDir()), sign.NewKeyring(key),
		aptrepo.Settings{Origin: "Example", Suites: []string{"stable"}})
	f.must(err)
	listener, err := net.Listen("tcp", net.JoinHostPort(f.ListenAddress(), "0"))
	f.must(err)
	server := &http.Server{Handler: f.repo.Handler()}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	f.t.Cleanup(func() { _ = server.Close(); <-served })
	source, err := f.repo.Source("http://"+listener.Addr().String(), "stable")
	f.must(err)
	for _, h := range f.Hosts() {
		f.write(h, "etc/apt/sources.list.d/aptfleet.sources", string(source))
	}
}

// write writes a file on a host's disk.
func (f *jobFleet) write(h lab.Host, name, text string) {
	f.t.Helper()
	path := h.Path(name)
	f.must(os.MkdirAll(filepath.Dir(path), 0o755))
	f.must(os.WriteFile(path, []byte(text), 0o644))
}

// build builds version of the package that the stories install. Its postinst
// has trouble only where the host has a file that says which.
func (f *jobFleet) build(version, preinst string) string {
	f.t.Helper()
	dir := f.t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		f.must(os.WriteFile(path, []byte(text), 0o755))
		return path
	}
	r := deb.Recipe{
		Name: "shop", Version: version, Architecture: "all", Maintainer: "Test <test@example.com>", Description: "what the stories install",
		Files:   []deb.File{{Src: file("conf", version+"\n"), Dst: "/etc/shop.conf", Mode: 0o644}},
		Scripts: deb.Scripts{PostInst: file("postinst", "#!/bin/sh\nset -e\n[ ! -e \"$DPKG_ROOT/etc/trouble\" ] || . \"$DPKG_ROOT/etc/trouble\"\n")},
	}
	if preinst != "" {
		r.Scripts.PreInst = file("preinst", "#!/bin/sh\n"+preinst+"\n")
	}
	path, err := r.Build(f.t.Context(), dir)
	f.must(err)
	return path
}

// publish builds and publishes a version.
func (f *jobFleet) publish(version string) {
	f.t.Helper()
	_, err := f.repo.Publish(f.t.Context(), "stable", f.build(version, ""))
	f.must(err)
}

// jobEnd is how a job ended on one host.
type jobEnd struct {
	hostjob.Outcome
	err error
	log string
}

// run runs one job on every host at once. Watch, which may be nil, is told of
// the progress on the first one.
func (f *jobFleet) run(spec hostjob.Spec, watch hostjob.Watch) []jobEnd {
	ends := make([]jobEnd, len(f.hosts))
	ctx, cancel := context.WithTimeout(f.t.Context(), 3*time.Minute) // what hangs is to say so
	defer cancel()
	var all sync.WaitGroup
	for i, h := range f.hosts {
		all.Go(func() {
			w := hostjob.Watch{}
			if i == 0 {
				w = watch
			}
			ends[i] = f.runOn(ctx, h, spec, w)
		})
	}
	all.Wait()
	return ends
}

func (f *jobFleet) runOn(ctx context.Context, h inventory.Host, spec hostjob.Spec, w hostjob.Watch) (end jobEnd) {
	link := f.ssh.Link(h)
	defer link.Close()
	w.Log = writerFunc(func(p []byte) (int, error) { end.log += string(p); return len(p), nil })
	end.Outcome, end.err = hostjob.Run(ctx, link, spec, w)
	return end
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// othersAreDone checks that trouble on the first host stayed there.
func (f *jobFleet) othersAreDone(ends []jobEnd) {
	f.t.Helper()
	for i, end := range ends[1:] {
		if end.Verdict != hostjob.Done || len(end.Notes) > 0 {
			f.t.Errorf("%s, which has no trouble, is %+v, %v\n%s", f.hosts[i+1].Name, end.Outcome, end.err, end.log)
		}
	}
}

// log returns the job's log as the host has it.
func (f *jobFleet) log(h lab.Host, id string) string {
	f.t.Helper()
	text, err := os.ReadFile(h.Path("var/lib/aptfleet/jobs/" + id + "/log"))
	f.must(err)
	return string(text)
}

func (e jobEnd) String() string {
	return fmt.Sprintf("%+v, %v\n%s", e.Outcome, e.err, e.log)
}

func hasNote(notes []string, any ...string) bool {
	return slices.ContainsFunc(notes, func(n string) bool { return slices.Contains(any, n) })
}
