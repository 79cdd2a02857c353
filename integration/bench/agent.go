package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/integration/bench/measure"
	"github.com/aptfleet/aptfleet/integration/lab"
	packaging "github.com/aptfleet/aptfleet/packaging/deb"
	"github.com/aptfleet/aptfleet/pkg/health"
)

const (
	hourOfReports = 360             // at one each 10 s
	idleFor       = 3 * time.Minute // of which the CPU is taken
	clockTicks    = 100             // a second, in /proc/PID/stat (proc_pid_stat(5)) on every Linux that Go runs on
)

// agent measures the agent where it is to run: as its package's service on a
// booted host, with 10 probes, reporting over TLS to a controller's door.
func agent(ctx context.Context, b *bench) error {
	archive, size, err := buildAgent(ctx, b.dir)
	if err != nil {
		return err
	}
	b.table.Add(measure.Claim{What: "agent: program", Unit: measure.Mebibytes, Ours: measure.MiB(size), Most: 8})
	return b.onAgentHost(ctx, archive, (*agentHost).measure)
}

// onAgentHost measures an agent that runs as its package's service.
func (b *bench) onAgentHost(ctx context.Context, archive string, take func(*agentHost, context.Context) error) error {
	l, err := lab.Start(ctx, lab.Options{Kind: lab.Booted, Suites: []string{lab.Bookworm}, Log: b.log})
	if err != nil {
		return err
	}
	a := &agentHost{bench: b, lab: l, Host: l.Hosts()[0]}
	err = a.prepare(ctx, archive)
	if err == nil {
		err = take(a, ctx)
	}
	return errors.Join(err, a.end())
}

// buildAgent builds the program and its package, as "make deb" does.
func buildAgent(ctx context.Context, dir string) (archive string, size int64, err error) {
	program := filepath.Join(dir, "aptfleet-agent")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-gcflags", "all=-l", "-ldflags", "-s -w", "-o", program, "./agent/cmd/aptfleet-agent")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", 0, fmt.Errorf("cannot build the agent: %w\n%s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		return "", 0, err
	}
	r, err := packaging.LoadRecipe("packaging/self/aptfleet-agent.toml")
	if err != nil {
		return "", 0, err
	}
	if r.Files[0].Src, err = filepath.Abs(program); err != nil {
		return "", 0, err
	}
	archive, err = r.Build(ctx, dir)
	return archive, info.Size(), err
}

// agentHost is a host with the agent, and the controller that it reports to.
type agentHost struct {
	*bench
	lab.Host
	lab *lab.Lab
	bus *bus.Bus
	web *http.Server
	id  string
}

func (a *agentHost) end() error {
	var errs []error
	if a.web != nil {
		errs = append(errs, a.web.Close())
	}
	if a.bus != nil {
		errs = append(errs, a.bus.Close())
	}
	return errors.Join(append(errs, a.lab.Close())...)
}

// sh runs a script on the host, and returns what it printed.
func (a *agentHost) sh(ctx context.Context, script string) (string, error) {
	out, err := a.Exec(ctx, "sh", "-c", script)
	return strings.TrimSpace(string(out)), err
}

// prepare installs and enrolls the agent.
func (a *agentHost) prepare(ctx context.Context, archive string) (err error) {
	data, err := os.ReadFile(archive)
	if err != nil {
		return err
	}
	if err := os.WriteFile(a.Path("var/tmp/agent.deb"), data, 0o644); err != nil {
		return err
	}
	if a.id, err = a.sh(ctx, "dpkg -i /var/tmp/agent.deb >/dev/null && aptfleet-agent identity"); err != nil {
		return err
	}
	a.bus, err = bus.Open(ctx, bus.Options{
		State: filepath.Join(a.dir, "state"), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Listen: &bus.Listen{Address: a.lab.ListenAddress() + ":0", Names: []string{a.lab.ListenAddress()}},
	})
	if err != nil {
		return err
	}
	web, err := a.serve()
	if err != nil {
		return err
	}
	if err := a.enroll(ctx, web); err != nil {
		return err
	}
	_, err = a.sh(ctx, "systemctl start aptfleet-agent.service")
	return err
}

// serve is what the agent's probe of HTTP asks.
func (a *agentHost) serve() (url string, err error) {
	listener, err := net.Listen("tcp", a.lab.ListenAddress()+":0")
	if err != nil {
		return "", err
	}
	a.web = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "well\n") // the prober sees what is missing
	})}
	go func() { _ = a.web.Serve(listener) }() // until end
	return "http://" + listener.Addr().String() + "/", nil
}

// enroll writes the files of an enrolled host.
func (a *agentHost) enroll(ctx context.Context, web string) error {
	token, err1 := a.bus.IssueToken(ctx, a.id, a.Name())
	ca, err2 := bus.Authority(filepath.Join(a.dir, "state"))
	probes, err3 := health.EncodeProbes([]health.Probe{
		{Kind: health.Package, Target: "dpkg"}, {Kind: health.Unit, Target: "ssh.service"}, {Kind: health.Unit, Target: "dbus.service"},
		{Kind: health.Unit, Target: "systemd-journald.service"}, {Kind: health.HTTP, Target: web, Contains: "well"},
		{Kind: health.TCP, Target: net.JoinHostPort(a.Address(), "22")}, {Kind: health.Disk, Target: "/", MinFree: 1},
		health.NewMemory(1), health.NewClock(time.Minute), {Kind: health.Disk, Target: "/var", MinFree: 1},
	})
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	settings := fmt.Sprintf("servers = [\"tls://%s\"]\nca = \"/etc/aptfleet-agent/ca.pem\"\ninterval = \"10s\"\n", a.bus.Address())
	for name, text := range map[string][]byte{"agent.toml": []byte(settings), "agent.jwt": []byte(token), "ca.pem": ca, "probes.json": probes} {
		if err := os.WriteFile(a.Path("etc/aptfleet-agent/"+name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// measure takes the memory after as many reports as there are in an hour, each
// with a look at all probes, and then the CPU of minutes in which nothing
// happens.
func (a *agentHost) measure(ctx context.Context) error {
	if err := a.ask(ctx, hourOfReports); err != nil {
		return err
	}
	rss, err := a.sh(ctx, "grep VmRSS /proc/$(systemctl show --value -p MainPID aptfleet-agent)/status")
	if err != nil {
		return err
	}
	var kib int64
	if _, err := fmt.Sscanf(rss, "VmRSS: %d kB", &kib); err != nil {
		return fmt.Errorf("cannot read the memory of the agent from %q: %w", rss, err)
	}
	a.table.Add(measure.Claim{What: "agent: resident after an hour's 360 reports, one after another", Unit: measure.Mebibytes, Ours: measure.MiB(kib << 10), Most: 12})
	percent, err := a.idle(ctx)
	if err == nil {
		a.table.Add(measure.Claim{What: "agent: CPU idle with 10 probes, of a core", Unit: "%", Ours: percent, Most: 0.1})
	}
	return err
}

// ask asks for n reports, one after the other.
func (a *agentHost) ask(ctx context.Context, n int) error {
	for left, tries := n, 0; left > 0; tries++ {
		if tries > n+100 {
			return errors.New("the agent does not answer")
		}
		limited, cancel := context.WithTimeout(ctx, 10*time.Second)
		answer, err := a.bus.Conn().RequestWithContext(limited, bus.AskSubject(a.id), nil)
		cancel()
		if err != nil {
			if !wait(ctx, 100*time.Millisecond) { // it has not connected yet
				return ctx.Err()
			}
			continue
		}
		r, err := health.Decode(answer.Data, time.Now())
		if err != nil {
			return err
		}
		for _, result := range r.Results {
			if !result.OK {
				return fmt.Errorf("%s is not well: %s", result.Probe, result.Output)
			}
		}
		left--
	}
	return nil
}

// idle returns how much of a core the agent takes, in percent. What began with it
// is over by then: apt was asked for upgrades.
func (a *agentHost) idle(ctx context.Context) (float64, error) {
	if !wait(ctx, time.Minute) {
		return 0, ctx.Err()
	}
	before, err := a.ticks(ctx)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	if !wait(ctx, idleFor) {
		return 0, ctx.Err()
	}
	after, err := a.ticks(ctx)
	return 100 * float64(after-before) / clockTicks / time.Since(begun).Seconds(), err
}

// ticks returns the agent's user and system time, without that of its children.
func (a *agentHost) ticks(ctx context.Context) (int64, error) {
	stat, err := a.sh(ctx, "cat /proc/$(systemctl show --value -p MainPID aptfleet-agent)/stat")
	if err != nil {
		return 0, err
	}
	ticks, _, err := readTicks(stat)
	return ticks, err
}

// readTicks reads user and system time from a line of proc_pid_stat(5): the
// process's own, and that of its children which have ended.
func readTicks(stat string) (own, children int64, err error) {
	_, rest, _ := strings.Cut(stat, ") ") // the name may have blanks
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return 0, 0, fmt.Errorf("cannot read the CPU of the agent from %q", stat)
	}
	var ticks [4]int64 // utime, stime, cutime, cstime
	for i := range ticks {
		if ticks[i], err = strconv.ParseInt(fields[11+i], 10, 64); err != nil {
			return 0, 0, fmt.Errorf("cannot read the CPU of the agent from %q: %w", stat, err)
		}
	}
	return ticks[0] + ticks[1], ticks[2] + ticks[3], nil
}

// wait reports whether it was not cut short.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
