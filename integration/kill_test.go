package integration

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestKilledController kills the controller in the middle of apt, on hosts as a
// full Debian has them: logins go through PAM, and logind ends whatever a
// session leaves behind when it is over. The jobs must not be among that, and
// whoever resumes attaches to them: no host runs apt twice.
func TestKilledController(t *testing.T) {
	t.Parallel()
	f := bootedFleet(t, lab.Options{Count: 2, Suites: []string{lab.Bookworm, lab.Trixie}, PAM: true})
	for _, h := range f.lab.Hosts() {
		f.put(h, "/etc/systemd/logind.conf.d/kill.conf", "[Login]\nKillUserProcesses=yes\nKillExcludeUsers=\n")
		f.exec(h, "systemctl", "restart", "systemd-logind.service")
		f.put(h, faultFile, waiting)
	}
	p := f.start("rollout", "shop", "--to", group, "--yes")
	for _, h := range f.lab.Hosts() {
		until(t, h.Name()+" is in the middle of apt", func() bool { return strings.Contains(f.jobLog(h), "waiting for the story") })
	}
	f.must(p.Process.Kill())
	<-p.ended
	for _, h := range f.lab.Hosts() {
		until(t, "no session is left on "+h.Name(), func() bool { return f.exec(h, "loginctl", "--no-legend", "list-sessions") == "" })
	}
	if end := f.do("status").end(t); end.Phase != "open" || end.Summary["running"] != 2 {
		t.Errorf("the journal says %+v", end)
	}
	for _, h := range f.lab.Hosts() {
		f.put(h, goFile, "")
	}
	if end := f.do("resume", "R1").end(t); end.Phase != "finished" || end.Summary["done"] != 2 {
		t.Errorf("resumed, the rollout is %+v", end)
	}
	for _, h := range f.lab.Hosts() {
		if jobs := f.exec(h, "sh", "-c", "ls /var/lib/aptfleet/jobs | grep apt"); strings.Count(jobs, "\n") != 1 || f.version(h, "shop") != "1.0" {
			t.Errorf("%s has shop %s and the jobs %s", h.Name(), f.version(h, "shop"), jobs)
		}
	}
}
