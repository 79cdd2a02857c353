package probe

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// newHost returns this machine with a record of dpkg's that has shop 1.2-1.
func newHost(t *testing.T) *Host {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "status"), stanza("shop", "install ok installed", "1.2-1"))
	return &Host{Dpkg: &Dpkg{Dir: dir}, Units: &Units{Address: "unix:path=" + filepath.Join(dir, "none")}}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func stanza(name, status, version string) string {
	return "Package: " + name + "\nStatus: " + status + "\nArchitecture: all\nVersion: " + version + "\n\n"
}

func TestLook(t *testing.T) {
	h := newHost(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("version 1.2-1")) }))
	defer server.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	within := func(p health.Probe, d time.Duration) health.Probe { p.Timeout = d; return p }
	web := func(contains string) health.Probe {
		return health.Probe{Kind: health.HTTP, Target: server.URL, Contains: contains}
	}
	for _, tt := range []struct {
		probe health.Probe
		ok    bool
		want  string // in the output
	}{
		{health.Probe{Kind: health.Package, Target: "shop"}, true, "1.2-1 is installed"},
		{health.Probe{Kind: health.Package, Target: "none"}, false, "is not installed"},
		{web("version {version:shop}"), true, "answered 200"},
		{web("version {version:none}"), false, "none is not installed"},
		{health.Probe{Kind: health.TCP, Target: server.Listener.Addr().String()}, true, "connected"},
		{health.Probe{Kind: health.TCP, Target: closed.Addr().String()}, false, "connection refused"},
		{health.Probe{Kind: health.Disk, Target: "/", MinFree: 1}, true, "MiB are free"},
		{health.Probe{Kind: health.Disk, Target: "/", MinFree: 1 << 62}, false, "MiB are free"},
		{health.Probe{Kind: health.Disk, Target: "/no/such", MinFree: 1}, false, "cannot look at it: no such file"},
		{health.NewMemory(1), true, "MiB are free"},
		{health.NewMemory(1 << 60), false, "MiB are free"},
		{health.NewClock(time.Second), true, ""},
		{health.NewCommand("sh", "-c", "echo well; id -u >/dev/null"), true, "well"},
		{health.NewCommand("sh", "-c", "echo \x1b bad >&2; exit 3"), false, `exited with 3` + "\n" + `\x1b bad`},
		{health.NewCommand("sh", "-c", "kill -9 $$"), false, "signal: killed"},
		{health.NewCommand("/no/such"), false, "no such file"},
		{health.NewCommand("sh", "-c", "echo ${#HOME} $LC_ALL; cat"), true, "1 C"},
		{within(health.NewCommand("sh", "-c", "echo begun; sleep 60 & wait"), 200*time.Millisecond), false, "did not end within 200ms\nbegun"},
		{health.NewCommand("sh", "-c", "sleep 60 & echo left"), true, "left"},
		{health.NewCommand("sh", "-c", "yes | head -c 1000000; echo end"), true, "end"},
		{health.Probe{Kind: health.Unit, Target: "shop.service"}, false, "cannot ask systemd: "},
		{health.Probe{Kind: "mood", Target: "x"}, false, `this agent knows no probe of kind "mood"`},
	} {
		got := h.Look(t.Context(), tt.probe)
		if got.Probe != tt.probe.Name() || got.OK != tt.ok || !strings.Contains(got.Output, tt.want) || len(got.Output) > health.MaxOutput {
			t.Errorf("%s: %+v, want %v and %q", tt.probe.Name(), got, tt.ok, tt.want)
		}
	}
}

// TestCommandLeavesNobody holds that what a command began ends with its time.
func TestCommandLeavesNobody(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	p := health.NewCommand("sh", "-c", `sh -c 'echo $$ >"$0"; exec sleep 600' "$0" & wait`, file)
	p.Timeout = time.Second
	if got := newHost(t).Look(t.Context(), p); got.OK {
		t.Fatalf("it ended: %+v", got)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	stat := filepath.Join("/proc", strings.TrimSpace(string(data)), "stat")
	for range 100 {
		if alive, err := os.ReadFile(stat); err != nil || strings.Contains(string(alive), ") Z ") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("its child is still there")
}

// TestHangingDisk has the kernel not answer: nobody serves the mount.
func TestHangingDisk(t *testing.T) {
	dir := hangingMount(t)
	h := newHost(t)
	p := health.Probe{Kind: health.Disk, Target: dir, MinFree: 1, Timeout: 50 * time.Millisecond}
	for _, want := range []string{"did not end within 50ms", "an earlier look still hangs"} {
		if got := h.Look(t.Context(), p); got.OK || !strings.Contains(got.Output, want) {
			t.Errorf("%+v, want %q", got, want)
		}
	}
	if got := h.Look(t.Context(), health.Probe{Kind: health.Disk, Target: "/", MinFree: 1}); !got.OK {
		t.Errorf("another disk suffers from it: %+v", got)
	}
}

// hangingMount returns a folder on a file system of FUSE that nobody serves.
func hangingMount(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	device, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("there is no FUSE here: %v", err)
	}
	options := "fd=" + strconv.Itoa(device) + ",rootmode=40000,user_id=0,group_id=0"
	if err := unix.Mount("hang", dir, "fuse.hang", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		_ = unix.Close(device)
		t.Skipf("cannot mount here: %v", err)
	}
	t.Cleanup(func() {
		_ = unix.Close(device) // which lets go of whoever hangs
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}
