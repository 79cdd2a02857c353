package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/integration/lab"
	"github.com/aptfleet/aptfleet/packaging/deb"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// agentFleet is a lab whose hosts have the agent's package, and a controller's
// door that listens to them.
type agentFleet struct {
	*jobFleet
	bus   *bus.Bus
	state string
	heard map[string]chan *nats.Msg // by the agent's public key
}

func newAgentFleet(t *testing.T, suites ...string) *agentFleet {
	t.Helper()
	f := &agentFleet{jobFleet: newJobFleet(t, lab.Options{Count: len(suites), Suites: suites}), state: t.TempDir(), heard: map[string]chan *nats.Msg{}}
	if f.Kind() != lab.Booted {
		t.Skip("the agent needs systemd")
	}
	archive := buildAgent(t)
	for _, h := range f.Hosts() {
		f.must(f.dpkg(h, "-i", archive))
	}
	f.open("0")
	t.Cleanup(func() { f.must(f.bus.Close()) })
	return f
}

// open opens the door.
func (f *agentFleet) open(port string) {
	f.t.Helper()
	var err error
	f.bus, err = bus.Open(f.t.Context(), bus.Options{
		State: f.state, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Listen: &bus.Listen{Address: f.ListenAddress() + ":" + port, Names: []string{f.ListenAddress()}},
	})
	f.must(err)
	for id := range f.heard {
		f.listen(id)
	}
}

func (f *agentFleet) listen(id string) {
	f.t.Helper()
	if f.heard[id] == nil {
		f.heard[id] = make(chan *nats.Msg, 1000)
	}
	_, err := f.bus.Conn().ChanSubscribe(bus.ReportSubject(id), f.heard[id])
	f.must(err)
	f.must(f.bus.Conn().Flush())
}

// buildAgent builds the program and its package, as "make deb" does.
func buildAgent(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	program := buildAgentProgram(t, dir, runtime.GOARCH)
	r, err := deb.LoadRecipe("../packaging/self/aptfleet-agent.toml")
	if err != nil {
		t.Fatal(err)
	}
	r.Files[0].Src = program
	path, err := r.Build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// buildAgentProgram builds the program for an architecture, as "make agent" does.
func buildAgentProgram(t *testing.T, dir, arch string) string {
	t.Helper()
	program := filepath.Join(dir, "aptfleet-agent")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-gcflags", "all=-l", "-ldflags", "-s -w -X main.version=1.2.3", "-o", program, "../agent/cmd/aptfleet-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// do runs a command on a host as root, and returns what it printed.
func (f *agentFleet) do(h lab.Host, argv ...string) string {
	f.t.Helper()
	out, err := h.Exec(f.t.Context(), argv...)
	f.must(err)
	return strings.TrimSpace(string(out))
}

// admit does what enroll does, without SSH, and returns the agent's key.
func (f *agentFleet) admit(h lab.Host, interval string, probes ...health.Probe) string {
	f.t.Helper()
	id := f.do(h, "aptfleet-agent", "identity")
	f.listen(id)
	token, err := f.bus.IssueToken(f.t.Context(), id, h.Name())
	f.must(err)
	ca, err := bus.Authority(f.state)
	f.must(err)
	data, err := health.EncodeProbes(probes)
	f.must(err)
	for name, text := range map[string]string{
		"ca.pem": string(ca), "agent.jwt": token, "probes.json": string(data),
		"agent.toml": fmt.Sprintf("servers = [\"tls://%s\"]\nca = \"/etc/aptfleet-agent/ca.pem\"\ninterval = %q\n", f.bus.Address(), interval),
	} {
		f.write(h, "etc/aptfleet-agent/"+name, text)
	}
	f.do(h, "sh", "-c", "chgrp aptfleet-agent /etc/aptfleet-agent/* && chmod 0640 /etc/aptfleet-agent/*")
	return id
}

// report returns the next report that is as wanted.
func (f *agentFleet) report(h lab.Host, id, what string, wanted func(health.Report) bool) health.Report {
	f.t.Helper()
	late := time.After(2 * time.Minute)
	var last string
	for {
		select {
		case m := <-f.heard[id]:
			r, err := health.Decode(m.Data, time.Now())
			f.must(err)
			if last = string(m.Data); wanted(r) {
				return r
			}
		case <-late:
			f.t.Fatalf("%s: there is no report %s; the last was %s\n%s", h.Name(), what, last, f.do(h, "journalctl", "-u", "aptfleet-agent", "-n", "30", "--no-pager"))
		}
	}
}

// ask asks the agent for a report.
func (f *agentFleet) ask(id string, packages ...string) (health.Report, error) {
	data, err := health.Request{Packages: packages}.Encode()
	f.must(err)
	answer, err := f.bus.Conn().Request(bus.AskSubject(id), data, 10*time.Second)
	if err != nil {
		return health.Report{}, err
	}
	return health.Decode(answer.Data, time.Now())
}

// is wants a result of a probe.
func is(p health.Probe, ok bool, words ...string) func(health.Report) bool {
	return func(r health.Report) bool {
		result, there := r.Result(p.Name())
		for _, w := range words {
			there = there && strings.Contains(result.Output, w)
		}
		return there && result.OK == ok
	}
}

var (
	failsUnit = health.Probe{Kind: health.Unit, Target: "fails.service"}
	noUnit    = health.Probe{Kind: health.Unit, Target: "none.service"}
)

// TestAgent has the agent on hosts of both Debians, from its package's
// installation to its purge. It reports once an hour, unless something changes.
func TestAgent(t *testing.T) {
	t.Parallel()
	f := newAgentFleet(t, lab.Bookworm, lab.Trixie)
	for _, h := range f.Hosts() {
		t.Run(h.Suite(), func(t *testing.T) {
			g, j := *f, *f.jobFleet // with the subtest's t
			j.t, g.jobFleet = t, &j
			g.hasAgent(h)
		})
	}
}

func (f *agentFleet) hasAgent(h lab.Host) {
	f.waitsForEnrolment(h)
	f.must(f.jobFleet.dpkg(h, "-i", f.build("1.0", "")))
	f.write(h, "etc/systemd/system/fails.service", "[Service]\nExecStart=/bin/sh -c 'echo no database; exec sleep infinity'\n")
	systemctl(f.jobFleet, h, "daemon-reload")
	systemctl(f.jobFleet, h, "start", "fails.service")
	reads := health.NewCommand("sh", "-c", "test -r /etc/passwd && ! touch /var/lib/x 2>/dev/null && ! test -r /etc/shadow")
	probes := []health.Probe{shopPackage, failsUnit, noUnit, rootDisk, health.NewMemory(1), health.NewClock(time.Minute), reads}
	id := f.admit(h, "1h", probes...)
	systemctl(f.jobFleet, h, "start", "aptfleet-agent.service")
	f.tells(h, id, reads)
	f.tellsOfFailure(h, id)
	f.tellsOfPackages(h, id)
	f.isFrozen(h, id)
	f.isConfined(h)
	f.countsUpgrades(h, id)
	f.leavesNothing(h)
}

// waitsForEnrolment holds that a host with the package alone has nothing failed.
func (f *agentFleet) waitsForEnrolment(h lab.Host) {
	f.t.Helper()
	if got := f.do(h, "sh", "-c", "systemctl is-active aptfleet-agent.service; systemctl is-enabled aptfleet-agent.service; stat -c '%U:%G %a' /etc/aptfleet-agent /var/lib/aptfleet-agent"); got !=
		"inactive\nenabled\nroot:aptfleet-agent 750\naptfleet-agent:aptfleet-agent 700" {
		f.t.Errorf("%s: before it is enrolled: %s", h.Name(), got)
	}
}

func (f *agentFleet) tells(h lab.Host, id string, reads health.Probe) {
	f.t.Helper()
	r := f.report(h, id, "at all", func(health.Report) bool { return true })
	boot := f.do(h, "cat", "/proc/sys/kernel/random/boot_id")
	if r.Boot != boot || r.Packages["shop"] != "1.0" || r.Audit != "" || r.Facts.Agent != "1.2.3" || len(r.Results) != 7 {
		f.t.Errorf("%s: the first report is %+v %+v", h.Name(), r, r.Facts)
	}
	for _, result := range r.Results {
		if result.OK != (result.Probe != noUnit.Name()) {
			f.t.Errorf("%s: %+v", h.Name(), result)
		}
	}
	active := f.do(h, "systemctl", "show", "--value", "-p", "ActiveEnterTimestamp", "--timestamp=unix", "fails.service")
	if result, _ := r.Result(failsUnit.Name()); fmt.Sprintf("@%d", result.Since.Unix()) != active {
		f.t.Errorf("%s: %s is active since %v, and systemd says %s", h.Name(), failsUnit.Name(), result.Since, active)
	}
	printed := f.do(h, "aptfleet-agent", "report", "--package", "dpkg")
	once, err := health.Decode([]byte(printed), time.Now())
	if err != nil || !is(failsUnit, true)(once) || !is(reads, false)(once) || once.Boot != boot || once.Packages["dpkg"] == "" {
		f.t.Errorf("%s: root, who may do more than the service, reports %s: %v", h.Name(), printed, err)
	}
}

// tellsOfFailure holds that a unit that fails is reported for that alone, with
// its last words, and so is its return.
func (f *agentFleet) tellsOfFailure(h lab.Host, id string) {
	f.t.Helper()
	systemctl(f.jobFleet, h, "kill", "--signal=KILL", "fails.service")
	r := f.report(h, id, "of the failure", is(failsUnit, false, "is failed (failed), result signal, exit status 9", "Failed with result"))
	if result, _ := r.Result(failsUnit.Name()); r.At.Sub(result.Since) > time.Minute {
		f.t.Errorf("%s: it fails since %v, by a report of %v", h.Name(), result.Since, r.At)
	}
	systemctl(f.jobFleet, h, "restart", "fails.service")
	f.report(h, id, "of the return", is(failsUnit, true))
	systemctl(f.jobFleet, h, "restart", "dbus.service")
	systemctl(f.jobFleet, h, "stop", "fails.service")
	if r, err := f.ask(id); err != nil || !is(failsUnit, false, "is inactive (dead)")(r) {
		f.t.Errorf("%s: after the restart of D-Bus it answers %+v, %v", h.Name(), r, err)
	}
	f.report(h, id, "of the stop", is(failsUnit, false, "is inactive (dead)"))
}

func (f *agentFleet) tellsOfPackages(h lab.Host, id string) {
	f.t.Helper()
	f.must(f.jobFleet.dpkg(h, "--unpack", f.build("1.1", "")))
	f.report(h, id, "of what is not done", func(r health.Report) bool { return r.Audit == "shop 1.1 is unpacked" && is(shopPackage, false)(r) })
	f.do(h, "dpkg", "--configure", "-a")
	f.report(h, id, "of the new version", func(r health.Report) bool { return r.Audit == "" && r.Packages["shop"] == "1.1" })
	if r, err := f.ask(id, "dpkg", "none"); err != nil || r.Packages["dpkg"] == "" || r.Packages["none"] != "" {
		f.t.Errorf("%s: asked for packages it answers %v, %v", h.Name(), r.Packages, err)
	}
}

// isFrozen stops the agent as a debugger would, while its controller restarts.
func (f *agentFleet) isFrozen(h lab.Host, id string) {
	f.t.Helper()
	pid := f.do(h, "systemctl", "show", "--value", "-p", "MainPID", "aptfleet-agent.service")
	systemctl(f.jobFleet, h, "kill", "--signal=STOP", "aptfleet-agent.service")
	if r, err := f.ask(id); err == nil {
		f.t.Errorf("%s: frozen it answers %+v", h.Name(), r)
	}
	systemctl(f.jobFleet, h, "start", "fails.service")
	systemctl(f.jobFleet, h, "kill", "--signal=CONT", "aptfleet-agent.service")
	f.report(h, id, "of what changed meanwhile", is(failsUnit, true))
	if after := f.do(h, "systemctl", "show", "--value", "-p", "MainPID", "aptfleet-agent.service"); after != pid {
		f.t.Errorf("%s: it was restarted: %s, and was %s", h.Name(), after, pid)
	}
}

// isConfined holds the service to the bound of its exposure.
func (f *agentFleet) isConfined(h lab.Host) {
	f.t.Helper()
	out := f.do(h, "systemd-analyze", "security", "--no-pager", "--threshold=25", "aptfleet-agent.service")
	lines := strings.Split(out, "\n")
	f.t.Logf("%s: %s", h.Suite(), lines[len(lines)-1])
}

// countsUpgrades has an upgrade offered, which the sandboxed agent finds by apt.
func (f *agentFleet) countsUpgrades(h lab.Host, id string) {
	f.t.Helper()
	f.publish("9." + map[string]string{lab.Bookworm: "12", lab.Trixie: "13"}[h.Suite()])
	f.do(h, "apt-get", "update")
	f.do(h, "touch", "/run/reboot-required")
	var last health.Report
	until(f.t, "the upgrade is counted", func() bool {
		r, err := f.ask(id)
		last = r
		return err == nil && r.Facts.Upgrades != nil && r.Facts.Upgrades.Pending == 1
	})
	if last.Facts.Upgrades.Lists <= 0 || last.Facts.Upgrades.Lists > time.Hour || !last.Facts.RebootRequired {
		text, _ := json.Marshal(last.Facts)
		f.t.Errorf("%s: the facts are %s", h.Name(), text)
	}
}

// leavesNothing purges the package.
func (f *agentFleet) leavesNothing(h lab.Host) {
	f.t.Helper()
	f.do(h, "apt-get", "-y", "purge", "aptfleet-agent")
	left := f.do(h, "sh", "-c", `getent passwd aptfleet-agent; getent group aptfleet-agent; pgrep -x aptfleet-agent
		systemctl list-units --all --no-legend 'aptfleet-agent*'
		find / /run /tmp -xdev -name '*aptfleet-agent*' -not -name 'aptfleet-agent_*.deb'
		find / /run /tmp -xdev -nouser -o -xdev -nogroup
		dpkg-query -W aptfleet-agent 2>/dev/null || true`)
	if left != "" {
		f.t.Errorf("%s: after the purge there is left: %s", h.Name(), left)
	}
}
