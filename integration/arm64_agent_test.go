package integration

import (
	"debug/elf"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/integration/lab"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// arm64 plays an arm64 processor for one program. Nothing of it is taken from the
// host, so that it runs there too.
const arm64 = "qemu-aarch64-static"

// TestAgentOnArm64: the program for arm64 finds on a host what the one for amd64 does,
// field by field.
func TestAgentOnArm64(t *testing.T) {
	t.Parallel()
	processor, err := exec.LookPath(arm64)
	if err != nil || runtime.GOARCH != "amd64" {
		t.Skipf("nothing plays an arm64 processor on this %s: %v", runtime.GOARCH, err)
	}
	f := newAgentFleet(t, lab.Bookworm)
	h := f.Hosts()[0]
	f.copyTo(h, processor, "var/tmp/"+arm64)
	program := buildAgentProgram(t, t.TempDir(), "arm64")
	file, err := elf.Open(program)
	f.must(err)
	if f.must(file.Close()); file.Machine != elf.EM_AARCH64 {
		t.Fatalf("the program is for %v", file.Machine)
	}
	f.copyTo(h, program, "var/tmp/aptfleet-agent")
	f.unwell(h)
	report := func(argv ...string) health.Report {
		t.Helper()
		out := f.do(h, append(argv, "report", "--upgrades", "--package", "libc6,none", "--package", "aptfleet-agent")...)
		r, err := health.Decode([]byte(out), time.Now())
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return r
	}
	want, got := report("aptfleet-agent"), report("/var/tmp/"+arm64, "/var/tmp/aptfleet-agent")
	if want.Audit == "" || want.Packages["libc6"] == "" || len(want.Results) == 0 || want.Facts == nil || want.Facts.Upgrades == nil || !want.Facts.RebootRequired {
		t.Fatalf("amd64 finds too little to compare: %+v", want)
	}
	if got.Boot != want.Boot || got.Audit != want.Audit || !maps.Equal(got.Packages, want.Packages) {
		t.Errorf("arm64 finds %+v, amd64 %+v", got, want)
	}
	if d := got.Ahead().Abs(); d > time.Minute {
		t.Errorf("the clock of arm64 is off by %v", d)
	}
	compareResults(t, got, want)
	compareFacts(t, got.Facts, want.Facts)
}

// copyTo brings a program of this machine to a host.
func (f *agentFleet) copyTo(h lab.Host, from, to string) {
	f.t.Helper()
	data, err := os.ReadFile(from)
	f.must(err)
	f.must(os.WriteFile(h.Path(to), data, 0o755))
}

// unwell gives a host probes of every kind, some of which fail, and more to find.
func (f *agentFleet) unwell(h lab.Host) {
	f.t.Helper()
	listener, err := net.Listen("tcp", f.ListenAddress()+":0")
	f.must(err)
	web := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "well\n") // the prober sees what is missing
	})}}
	web.Start()
	f.t.Cleanup(web.Close)
	data, err := health.EncodeProbes([]health.Probe{
		{Kind: health.Package, Target: "dpkg"}, {Kind: health.Package, Target: "none"},
		{Kind: health.Unit, Target: "dbus.service"}, {Kind: health.Unit, Target: "none.service"},
		{Kind: health.HTTP, Target: web.URL + "/", Contains: "well"}, {Kind: health.HTTP, Target: web.URL + "/else", Status: 404},
		{Kind: health.TCP, Target: net.JoinHostPort(h.Address(), "22")}, {Kind: health.TCP, Target: net.JoinHostPort(h.Address(), "1")},
		{Kind: health.Disk, Target: "/", MinFree: 1}, {Kind: health.Disk, Target: "/var", MinFree: 1 << 60},
		health.NewMemory(1), health.NewClock(time.Minute), health.NewCommand("true"), health.NewCommand("sh", "-c", "echo sorry; exit 3"),
	})
	f.must(err)
	f.write(h, "etc/aptfleet-agent/probes.json", string(data))
	f.do(h, "touch", "/run/reboot-required")
	f.must(os.WriteFile(h.Path("var/tmp/agent.deb"), mustRead(f.t, buildAgent(f.t)), 0o644))
	f.do(h, "dpkg", "--unpack", "/var/tmp/agent.deb")
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// compareResults compares what probes found, but for amounts that change meanwhile.
func compareResults(t *testing.T, got, want health.Report) {
	t.Helper()
	failing := 0
	for _, w := range want.Results {
		g, there := got.Result(w.Probe)
		changing := w.OK && g.OK || strings.HasPrefix(w.Probe, "disk ") // says how much is left, say
		if !there || g.OK != w.OK || !changing && g.Output != w.Output {
			t.Errorf("arm64 finds %+v, amd64 %+v", g, w)
		}
		if !w.OK {
			failing++
		}
	}
	if len(got.Results) != len(want.Results) || failing < 5 || failing == len(want.Results) {
		t.Errorf("arm64 has %d results, amd64 %d, of which %d fail", len(got.Results), len(want.Results), failing)
	}
}

func compareFacts(t *testing.T, got, want *health.Facts) {
	t.Helper()
	if got == nil || got.Upgrades == nil {
		t.Fatalf("arm64 finds %+v", got)
	}
	older := (got.Upgrades.Lists - want.Upgrades.Lists).Abs()
	left := max(got.Available-want.Available, want.Available-got.Available)
	if got.Agent != want.Agent || got.RebootRequired != want.RebootRequired || got.Memory != want.Memory || left > want.Memory/2 ||
		got.Upgrades.Pending != want.Upgrades.Pending || got.Upgrades.Security != want.Upgrades.Security || older > time.Minute {
		t.Errorf("arm64 finds %+v with %+v, amd64 %+v with %+v", got, got.Upgrades, want, want.Upgrades)
	}
}
