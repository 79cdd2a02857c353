package integration

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// boots notes each boot of a host in a file there.
const boots = `[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'cat /proc/sys/kernel/random/boot_id >>/var/log/boots'
[Install]
WantedBy=multi-user.target
`

// rebootFleet is hosts that count their boots, of which the first two ask for one.
func rebootFleet(t *testing.T, count int) *fleet {
	t.Helper()
	f := bootedFleet(t, lab.Options{Count: count, Suites: []string{lab.Bookworm, lab.Trixie}})
	for i, h := range f.lab.Hosts() {
		f.put(h, "/etc/systemd/system/boots.service", boots)
		f.exec(h, "systemctl", "enable", "--quiet", "boots.service")
		if i < 2 {
			f.exec(h, "sh", "-c", "echo linux-image >/run/reboot-required.pkgs; touch /run/reboot-required")
		}
	}
	return f
}

// rebooted returns how often a host has booted since it counts.
func (f *fleet) rebooted(h lab.Host) int { return strings.Count(f.read(h, "/var/log/boots"), "\n") }

// TestReboot restarts the hosts that ask for it after a dist-upgrade, one at a
// time, and no other; a second rollout finds nothing to do.
func TestReboot(t *testing.T) {
	t.Parallel()
	f := rebootFleet(t, 3)
	end := f.rollOut("shop=1.0", "--reboot", "if-required", "--parallel", "1", "--no-gate")
	for i, h := range f.lab.Hosts() {
		want := 0
		if i < 2 {
			want = 1
		}
		got := end.host(t, h.Name())
		told := strings.Contains(strings.Join(got.Notes, "\n"), "rebooted for linux-image")
		if got.Verdict != "done" || got.After["shop"] != "1.0" || f.rebooted(h) != want || told != (want == 1) {
			t.Errorf("%s ended as %+v, and was rebooted %d times, want %d", h.Name(), got, f.rebooted(h), want)
		}
	}
	f.rollOut("shop", "--reboot", "if-required", "--no-gate")
	f.exec(f.host(3), "touch", "/run/reboot-required")
	if a := f.rollOut("shop", "--reboot", "if-required", "--no-gate"); f.rebooted(f.host(3)) != 1 || a.Summary["done"] != 3 {
		t.Errorf("where nothing is to be installed, the host was rebooted %d times: %+v", f.rebooted(f.host(3)), a)
	}
	if f.rebooted(f.host(1)) != 1 {
		t.Errorf("web1 was rebooted %d times", f.rebooted(f.host(1)))
	}
}

// TestRebootResumed kills the controller while a host goes down and comes up.
// Whoever resumes finds it back, and restarts it no second time.
func TestRebootResumed(t *testing.T) {
	t.Parallel()
	f := rebootFleet(t, 1)
	p := f.start("rollout", "shop", "--to", group, "--yes", "--no-gate", "--reboot", "if-required")
	h := f.host(1)
	until(t, "the restart is ordered", func() bool {
		return f.read(h, "/var/lib/aptfleet/reboots/"+f.rebootID(h)) != ""
	})
	f.must(p.Process.Kill())
	<-p.ended
	if end := f.do("status").end(t); end.Phase != "open" || end.Summary["running"] != 1 {
		t.Errorf("the journal says %+v", end)
	}
	end := f.do("resume", "R1").end(t)
	if got := end.host(t, h.Name()); got.Verdict != "done" || f.rebooted(h) != 1 {
		t.Errorf("resumed, the host is %+v, and was rebooted %d times", got, f.rebooted(h))
	}
}

// rebootID returns the name of the restart that a host has noted, "" before.
func (f *fleet) rebootID(h lab.Host) string {
	names, err := filepath.Glob(h.Path("/var/lib/aptfleet/reboots/*-1"))
	f.must(err)
	if len(names) == 0 {
		return "none"
	}
	return filepath.Base(names[0])
}
