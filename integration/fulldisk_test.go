package integration

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestFullDisk fills the disk of the state folder while a daemon has a host in the
// middle of apt, and others before it. The daemon ends and says why, and so does who
// resumes then; once there is room, it goes on where it was, and nothing is done twice.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	f := &fleet{t: t, lab: lab.ForTest(t, lab.Options{Count: 8, Kind: lab.Light}), dir: t.TempDir()}
	f.mountState("size=48m")
	f.furnish()
	f.do("enroll", group, "--yes")
	f.rollOut("shop=1.0")
	f.publish(shop{version: "1.1"})
	f.put(f.host(2), faultFile, waiting)
	d := f.daemon()
	f.start("rollout", "shop=1.1", "--to", group, "--yes", "--parallel", "1")
	until(t, "web2 is in the middle of apt", func() bool { return strings.Contains(f.jobLog(f.host(2)), "waiting for the story") })
	f.fill("state/ballast")
	f.put(f.host(2), goFile, "")
	d.says(f, `the store has failed.*no space left on device`)
	<-d.ended
	if code := d.ProcessState.ExitCode(); code != 1 {
		t.Errorf("with a full disk the daemon ended with %d", code)
	}
	if end := f.do("status", "R2").end(t); end.Phase != "open" {
		t.Errorf("with a full disk the rollout is %+v", end)
	}
	if a := f.run("resume", "R2"); a.status != 1 || !strings.Contains(a.stderr, "no space left on device") {
		t.Errorf("with a full disk: %s", a)
	}
	f.must(os.Remove(f.path("state/ballast")))
	f.daemon()
	until(t, "the rollout ends", func() bool { return f.do("status", "R2").end(t).Phase == "finished" })
	if end := f.do("status", "R2").end(t); end.Summary["done"] != 8 {
		t.Errorf("the rollout ended as %+v", end)
	}
	f.has("1.1", "1.1", "1.1", "1.1", "1.1", "1.1", "1.1", "1.1")
	for _, h := range f.lab.Hosts() {
		if n := f.count(h, "R2-*-apt-*"); n != 1 {
			t.Errorf("%s has %d jobs of R2, want 1", h.Name(), n)
		}
	}
}

// mountState gives the state folder a disk of its own, as a small one.
func (f *fleet) mountState(size string) {
	f.t.Helper()
	f.must(os.Mkdir(f.path("state"), 0o700))
	if err := syscall.Mount("tmpfs", f.path("state"), "tmpfs", 0, size); err != nil {
		f.t.Skipf("cannot mount a small disk: %v", err)
	}
	f.t.Cleanup(func() { f.must(syscall.Unmount(f.path("state"), syscall.MNT_DETACH)) })
}

// fill writes a file until there is no room left.
func (f *fleet) fill(name string) {
	f.t.Helper()
	file, err := os.Create(f.path(name))
	f.must(err)
	defer file.Close()
	for size := 1 << 20; size > 0; {
		if _, err := file.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}
