package hostjob_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aptfleet/aptfleet/controller/hostjob"
)

// rebootable is a host on which systemctl says that it starts, and a reboot only
// leaves a line behind.
func rebootable(t *testing.T) *host {
	t.Helper()
	h := newHost(t)
	for _, name := range []string{"lock", "lock-frontend"} {
		h.write("var/lib/dpkg/"+name, "")
	}
	h.program("systemctl", `case $* in *reboot) echo reboot >>"$APTFLEET_ROOT/orders" ;; *) cat "$APTFLEET_ROOT/system" 2>/dev/null || echo running ;; esac`)
	h.program("reboot", "exit 1")
	h.program("uname", "echo 6.1.0-9-amd64")
	if err := os.MkdirAll(filepath.Join(h.root, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

// orders returns how often the host was told to reboot.
func (h *host) orders() int {
	text, err := os.ReadFile(filepath.Join(h.root, "orders"))
	if err != nil && !os.IsNotExist(err) {
		h.t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

// boots makes what the host noted of a restart that of an earlier boot.
func (h *host) boots(id string) {
	h.t.Helper()
	file := filepath.Join("var/lib/aptfleet/reboots", id)
	text, err := os.ReadFile(filepath.Join(h.root, file))
	if err != nil {
		h.t.Fatal(err)
	}
	_, why, _ := strings.Cut(string(text), " ")
	h.write(file, "another-boot "+why)
}

func (h *host) reboot(id string, want hostjob.Restart, words string) {
	h.t.Helper()
	if got, said, err := hostjob.Reboot(h.t.Context(), h, id); got != want || said != words || err != nil {
		h.t.Errorf("Reboot returned %s %q, %v, want %s %q", got, said, err, want, words)
	}
}

func (h *host) looks(id string, want hostjob.Restart) {
	h.t.Helper()
	if got, said, err := hostjob.LookAtReboot(h.t.Context(), h, id); got != want || err != nil {
		h.t.Errorf("LookAtReboot returned %s %q, %v, want %s", got, said, err, want)
	}
}

// TestRebootOnce follows a restart from its order to its end: it is ordered once
// for each boot, and never again once it is over.
func TestRebootOnce(t *testing.T) {
	h := rebootable(t)
	h.write("run/reboot-required", "")
	h.write("run/reboot-required.pkgs", "libc6\nlinux-image\nlibc6\n")
	h.looks("R1-reboot-1", hostjob.Absent)
	h.reboot("R1-reboot-1", hostjob.Ordered, "libc6 linux-image")
	h.looks("R1-reboot-1", hostjob.Ordered)
	h.reboot("R1-reboot-1", hostjob.Ordered, "libc6 linux-image") // by whoever resumes
	if n := h.orders(); n != 2 {
		t.Errorf("it was ordered %d times in one boot, want 2", n)
	}
	h.boots("R1-reboot-1")
	h.write("system", "starting\n")
	h.looks("R1-reboot-1", hostjob.Starting)
	h.write("system", "degraded\n")
	h.looks("R1-reboot-1", hostjob.Back)
	h.reboot("R1-reboot-1", hostjob.Back, "libc6 linux-image") // although the flag is still there
	if n := h.orders(); n != 2 {
		t.Errorf("it was ordered %d times, and once in the second boot", n)
	}
}

// TestRebootOrderedOnItsWayDown: a host that goes down already refuses the order, which
// is no failure; one that was never told to go down, and refuses, is one.
func TestRebootOrderedOnItsWayDown(t *testing.T) {
	h := rebootable(t)
	h.write("run/reboot-required", "")
	deaf := func() {
		h.program("systemctl", "exit 1")
		h.program("reboot", "echo 'Failed to talk to init daemon: Connection refused' >&2; exit 1") // Debian 12's, seen between two sessions
	}
	h.reboot("R1", hostjob.Ordered, "/run/reboot-required")
	deaf()
	h.reboot("R1", hostjob.Ordered, "/run/reboot-required") // by whoever resumes
	h.looks("R1", hostjob.Ordered)
	if got, _, err := hostjob.Reboot(t.Context(), h, "R2"); err == nil || !strings.Contains(err.Error(), "Connection refused") {
		t.Errorf("the first order returned %s, %v", got, err)
	}
	h.looks("R2", hostjob.Absent)
}

func TestRebootReasons(t *testing.T) {
	for _, tt := range []struct {
		name    string
		kernels []string
		flag    bool
		want    hostjob.Restart
		words   string
	}{
		{"nothing", nil, false, hostjob.Needless, ""},
		{"the kernel that runs", []string{"6.1.0-9-amd64", "6.1.0-8-amd64"}, false, hostjob.Needless, ""},
		{"a newer kernel", []string{"6.1.0-9-amd64", "6.1.0-10-amd64"}, false, hostjob.Ordered, "kernel 6.1.0-10-amd64"},
		{"of another flavour", []string{"6.1.0-9-amd64", "6.1.0-10-rt-amd64"}, false, hostjob.Needless, ""},
		{"none that can be compared", []string{"custom"}, false, hostjob.Needless, ""},
		{"the flag alone", nil, true, hostjob.Ordered, "/run/reboot-required"},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			h := rebootable(t)
			if err := os.MkdirAll(filepath.Join(h.root, "boot"), 0o755); err != nil {
				t.Fatal(err)
			}
			for _, k := range tt.kernels {
				h.write("boot/vmlinuz-"+k, "")
			}
			if tt.flag {
				h.write("run/reboot-required", "")
			}
			h.reboot("R1", tt.want, tt.words)
		})
	}
}

// TestRebootWaitsForApt: nobody's dpkg is cut short.
func TestRebootWaitsForApt(t *testing.T) {
	h := rebootable(t)
	h.write("run/reboot-required", "")
	f, err := os.OpenFile(filepath.Join(h.root, "var/lib/dpkg/lock-frontend"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	lock := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	if got, words, err := hostjob.Reboot(t.Context(), h, "R1"); got != hostjob.Busy || !strings.Contains(words, " hostjob.test") || err != nil {
		t.Errorf("Reboot returned %s %q, %v", got, words, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	h.reboot("R1", hostjob.Ordered, "/run/reboot-required")
}

// TestRebootRefused: the host has neither systemd nor a reboot that works.
func TestRebootRefused(t *testing.T) {
	h := rebootable(t)
	h.write("run/reboot-required", "")
	h.program("systemctl", "exit 1")
	h.program("reboot", "echo no power over it >&2; exit 1")
	_, _, err := hostjob.Reboot(t.Context(), h, "R1")
	if exit := (*exitError)(nil); !errors.As(err, &exit) || !strings.Contains(exit.stderr, "no power over it") {
		t.Errorf("Reboot returned %v", err)
	}
	h.looks("R1", hostjob.Absent)
}
