package integration

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/gate"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/integration/lab"
	"github.com/aptfleet/aptfleet/pkg/health"
)

const (
	shopUnit  = "[Service]\nExecStart=/usr/local/bin/shop-web\n"
	flapsUnit = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep 1\nRestart=always\nRestartSec=10ms\n"
	shopURL   = "http://127.0.0.1:8080/healthz"
)

// gateStory is a host of which a gate must say whether it is healthy.
type gateStory struct {
	name   string
	booted bool                          // needs systemd
	begin  func(f *jobFleet, h lab.Host) // the trouble
	probes []health.Probe
	chroot string
	want   rollout.Versions // installed; nil is shop 1.0
	err    error
	says   []string // in the error
	mend   func(f *jobFleet, h lab.Host)
}

func systemctl(f *jobFleet, h lab.Host, args ...string) {
	f.t.Helper()
	_, err := h.Exec(f.t.Context(), append([]string{"systemctl"}, args...)...)
	f.must(err)
}

var (
	shopPackage = health.Probe{Kind: health.Package, Target: "shop"}
	shopService = health.Probe{Kind: health.Unit, Target: "shop-web.service"}
	shopHTTP    = health.Probe{Kind: health.HTTP, Target: shopURL, Status: 200, Contains: `"version":"{version:shop}"`}
	shopTCP     = health.Probe{Kind: health.TCP, Target: "127.0.0.1:8080"}
	rootDisk    = health.Probe{Kind: health.Disk, Target: "/", MinFree: 1 << 20}
)

// gateStories are played one after the other on the same host.
var gateStories = []gateStory{
	{name: "well", booted: true, probes: []health.Probe{shopPackage, shopService, shopHTTP, shopTCP, rootDisk, health.NewCommand("test", "-d", "/etc")}},
	{name: "well without systemd", probes: []health.Probe{shopPackage, rootDisk, health.NewCommand("test", "-d", "/etc")}},
	{
		name: "well in a chroot", booted: true, chroot: "/srv/slot", probes: []health.Probe{shopPackage, rootDisk}, want: rollout.Versions{"shop": "3.0"},
		begin: func(f *jobFleet, h lab.Host) {
			_, err := h.Exec(f.t.Context(), "sh", "-c", `mkdir -p /srv/slot/var/lib && cp -r /var/lib/dpkg /srv/slot/var/lib/ &&
				sed -i '/^Package: shop$/,/^$/s/^Version: 1.0$/Version: 3.0/' /srv/slot/var/lib/dpkg/status`)
			f.must(err)
		},
	},
	{
		name: "unit fails", booted: true, probes: []health.Probe{shopService, shopHTTP, shopTCP}, err: gate.ErrUnhealthy,
		begin: func(f *jobFleet, h lab.Host) { systemctl(f, h, "kill", "--signal=KILL", "shop-web.service") },
		says: []string{"unit shop-web.service, since 20", "is failed (failed), result signal", "http " + shopURL + ", since 20",
			"the host cannot connect there: connection refused", "tcp 127.0.0.1:8080, since 20"},
		mend: func(f *jobFleet, h lab.Host) { systemctl(f, h, "restart", "shop-web.service") },
	},
	{
		name: "no such unit", booted: true, probes: []health.Probe{{Kind: health.Unit, Target: "shop.service"}},
		err: gate.ErrUnhealthy, says: []string{"unit shop.service, since 20", "is not-found"},
	},
	{name: "the old version is installed", want: rollout.Versions{"shop": "2.0"}, err: gate.ErrUnhealthy, says: []string{"package shop, since 20", "1.0 is installed, want 2.0"}},
	{
		name: "the old version answers", booted: true, probes: []health.Probe{shopService, shopHTTP}, want: rollout.Versions{"shop": "2.0"},
		begin: func(f *jobFleet, h lab.Host) { f.must(f.dpkg(h, "-i", f.build("2.0", ""))) },
		err:   gate.ErrUnhealthy, says: []string{"http " + shopURL, `answered 200 OK: without "\"version\":\"2.0\"": {"status":"ok","version":"1.0"}`},
		mend: func(f *jobFleet, h lab.Host) { f.must(f.dpkg(h, "-i", f.build("1.0", ""))) },
	},
	{
		name: "dpkg is not done", probes: []health.Probe{shopPackage}, err: gate.ErrUnhealthy,
		begin: func(f *jobFleet, h lab.Host) { f.must(f.dpkg(h, "--unpack", f.build("1.0", ""))) },
		says:  []string{"package shop, since 20", "none is installed, want 1.0", "dpkg, since 20", "is not done: shop 1.0 is unpacked", "is not installed, or only half"},
		mend:  func(f *jobFleet, h lab.Host) { f.must(f.dpkg(h, "-i", f.build("1.0", ""))) },
	},
	{name: "disk too small", probes: []health.Probe{{Kind: health.Disk, Target: "/", MinFree: 1 << 60}}, err: gate.ErrUnhealthy, says: []string{"disk /, since 20", "MiB are free, and must be 1099511627776 MiB"}},
	{
		name: "a probe hangs", probes: []health.Probe{rootDisk, hanging()}, err: gate.ErrUnhealthy,
		says: []string{"command sleep 4711, since 20", "did not end within 1s"},
		mend: func(f *jobFleet, h lab.Host) {
			until(f.t, "the probe is ended on the host", func() bool {
				_, err := h.Exec(f.t.Context(), "pgrep", "-f", "^sleep 4711")
				return err != nil
			})
		},
	},
	{
		name: "flaps", booted: true, probes: []health.Probe{{Kind: health.Unit, Target: "flaps.service"}}, err: gate.ErrUnhealthy, says: []string{""},
		begin: func(f *jobFleet, h lab.Host) { systemctl(f, h, "start", "flaps.service") },
		mend:  func(f *jobFleet, h lab.Host) { systemctl(f, h, "stop", "flaps.service") },
	},
	{
		name: "link lost", probes: []health.Probe{rootDisk}, err: gate.ErrNoReport, says: []string{"report, since 20"},
		begin: func(f *jobFleet, h lab.Host) { f.must(h.Cut()) },
		mend:  func(f *jobFleet, h lab.Host) { f.must(h.Mend()) },
	},
}

func hanging() health.Probe {
	p := health.NewCommand("sleep", "4711")
	p.Timeout = time.Second
	return p
}

// TestGate also holds that a host needs no tool for HTTP: they have curl, which
// nothing here uses.
func TestGate(t *testing.T) {
	t.Parallel()
	f := newJobFleet(t, lab.Options{Count: 1, Suites: []string{lab.Bookworm}})
	h := f.Hosts()[0]
	f.must(f.dpkg(h, "-i", f.build("1.0", "")))
	if f.Kind() == lab.Booted {
		f.serveShop(h)
	}
	for _, s := range gateStories {
		t.Run(strings.ReplaceAll(s.name, " ", "-"), func(t *testing.T) {
			if s.booted && f.Kind() != lab.Booted {
				t.Skip("needs systemd")
			}
			g := *f // with the subtest's t
			g.t = t
			if s.begin != nil {
				s.begin(&g, h)
			}
			g.waitFor(s)
			if s.mend != nil {
				s.mend(&g, h)
			}
		})
	}
}

// serveShop puts version 1.0 of the sample application on a host, and a service
// that comes and goes.
func (f *jobFleet) serveShop(h lab.Host) {
	f.t.Helper()
	build := exec.CommandContext(f.t.Context(), "go", "build", "-ldflags", "-X main.version=1.0", "-o", f.t.TempDir()+"/shop-web", "./sample/shop-web")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		f.t.Fatalf("%v\n%s", err, out)
	}
	program, err := os.ReadFile(build.Args[5])
	f.must(err)
	f.write(h, "usr/local/bin/shop-web", string(program))
	f.must(os.Chmod(h.Path("usr/local/bin/shop-web"), 0o755))
	f.write(h, filepath.Join("etc/systemd/system", "shop-web.service"), shopUnit)
	f.write(h, filepath.Join("etc/systemd/system", "flaps.service"), flapsUnit)
	systemctl(f, h, "daemon-reload")
	systemctl(f, h, "start", "shop-web.service")
}

// waitFor waits at the gate. A host that is not healthy is told at its first report,
// since what is left of the time is too short to settle.
func (f *jobFleet) waitFor(s gateStory) {
	f.t.Helper()
	settle, deadline := 2*time.Second, 3*time.Minute
	if errors.Is(s.err, gate.ErrUnhealthy) {
		settle, deadline = 58*time.Second, time.Minute
	} else if s.err != nil {
		settle, deadline = time.Second, 3*time.Second
	}
	ctx, cancel := context.WithTimeout(f.t.Context(), deadline)
	defer cancel()
	versions := s.want
	if versions == nil {
		versions = rollout.Versions{"shop": "1.0"}
	}
	host := f.hosts[0]
	host.Health, host.Chroot = s.probes, s.chroot
	var g engine.Gate = &gate.Gate{Reporter: gate.Prober{Fleet: f.ssh}, Settle: settle, Every: 300 * time.Millisecond}
	begun := time.Now()
	err := g.Wait(ctx, host, rollout.HostState{Name: host.Name, After: versions})
	if !errors.Is(err, s.err) || err == nil && time.Since(begun) < settle {
		f.t.Errorf("after %v Wait returned %v, want %v", time.Since(begun), err, s.err)
	}
	for _, text := range s.says {
		if err == nil || !strings.Contains(err.Error(), text) {
			f.t.Errorf("Wait returned %v, want %s", err, text)
		}
	}
}
