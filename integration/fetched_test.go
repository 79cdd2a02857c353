package integration

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestFetchedBeforehand: two hosts wait for a person, who goes on once the
// repository is down. They have what they need, although it lies where the user
// to whom apt gives the fetching may not read it, so that apt would fail where it
// had to fetch from there.
func TestFetchedBeforehand(t *testing.T) {
	t.Parallel()
	f := bootedFleet(t, lab.Options{Count: 4, Suites: []string{lab.Trixie, lab.Bookworm}})
	f.publish(shop{name: "fetched-lib", version: "1"}, shop{name: "fetched", version: "1", depends: []string{"fetched-lib"}})
	f.says(4, "rollout fetched --yes --batches 2,100% --pause manual --to "+group)
	f.must(f.server.Close())
	for _, h := range f.lab.Hosts()[2:] {
		for _, archive := range []string{"fetched_1_all.deb", "fetched-lib_1_all.deb"} {
			path := "/var/lib/aptfleet/archives/" + archive
			f.exec(h, "test", "-f", path)
			if out, err := h.Exec(t.Context(), "setpriv", "--reuid=_apt", "--regid=nogroup", "--clear-groups", "cat", path); err == nil {
				t.Errorf("apt's own user may read %s on %s: %d bytes", path, h.Name(), len(out))
			}
		}
	}
	f.says(0, "continue "+f.newest())
	f.have("fetched", f.everywhere("1", nil)...)
	f.have("fetched-lib", f.everywhere("1", nil)...)
	for _, h := range f.lab.Hosts() {
		if log := f.jobLog(h); strings.Contains(log, "_apt") || strings.Contains(log, "Permission denied") {
			t.Errorf("%s (%s) has tried to fetch what it had:\n%s", h.Name(), h.Suite(), log)
		}
	}
}

// TestPatientFetch: the repository is down when a rollout that was just approved
// begins to fetch, and comes back three seconds after all hosts have seen that.
// Nobody has to care.
func TestPatientFetch(t *testing.T) {
	t.Parallel()
	f := bootedFleet(t, lab.Options{Count: 2, Suites: []string{lab.Bookworm, lab.Trixie}})
	f.publish(shop{name: "patient", version: "1"}, shop{name: "patient", version: "2"})
	f.says(0, "rollout patient=1 --yes --to "+group)
	for _, h := range f.lab.Hosts() {
		f.exec(h, "rm", "-r", "/var/lib/aptfleet/archives")
	}
	p, keyboard := f.onTerminal("rollout", "patient", "--to", group)
	p.says(f, "patient changes 2 hosts. Type their number")
	f.must(f.server.Close())
	_, err := io.WriteString(keyboard, "2\n")
	f.must(err)
	for _, h := range f.lab.Hosts() {
		until(t, h.Name()+" cannot fetch", func() bool { return strings.Contains(f.fetchLog(h), "Could not connect") })
	}
	time.Sleep(3 * time.Second) // which is the story
	listener, err := net.Listen("tcp", strings.TrimPrefix(f.url, "http://"))
	f.must(err)
	f.serve(listener)
	<-p.ended
	if status := p.ProcessState.ExitCode(); status != 0 {
		t.Errorf("it exits with %d, want 0:\n%s", status, p.out.String())
	}
	f.have("patient", "2", "2")
	for _, h := range f.lab.Hosts() {
		for _, version := range []string{"1", "2"} { // the one that goes too, or a rollback would have none
			f.exec(h, "test", "-f", "/var/lib/aptfleet/archives/patient_"+version+"_all.deb")
		}
	}
}

// fetchLog returns what a host has of the log of the second rollout's prefetch.
func (f *fleet) fetchLog(h lab.Host) string {
	logs, err := filepath.Glob(h.Path("/var/lib/aptfleet/jobs/R2-*-prefetch-1/log"))
	f.must(err)
	if len(logs) == 0 {
		return ""
	}
	text, err := os.ReadFile(logs[0])
	f.must(err)
	return string(text)
}
