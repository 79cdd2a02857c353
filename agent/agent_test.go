package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/agent/probe"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// TestReports has an agent tell all that it knows, in its first report.
func TestReports(t *testing.T) {
	l := listener(t)
	probes := []health.Probe{
		{Kind: health.Package, Target: "shop"}, {Kind: health.TCP, Target: l.Addr().String()},
		{Kind: health.Disk, Target: "/", MinFree: 1 << 62}, health.NewMemory(1), health.NewClock(time.Minute), health.NewCommand("echo", "well"),
	}
	h := enrolled(t, probes...)
	h.run()
	r := h.until("at all", anyReport)
	for i, p := range probes {
		if got := r.Results[i]; got.Probe != p.Name() || got.OK != (p.Kind != health.Disk) || got.Since.IsZero() != (p.Kind == health.Clock) || got.Since.After(r.At) {
			t.Errorf("%s: %+v", p.Name(), got)
		}
	}
	boot, err := probe.Boot()
	if r.Boot != boot || err != nil || r.Packages["shop"] != "1.0" || r.Audit != "" || r.Facts.Agent != "1.2.3" || r.Facts.Memory <= r.Facts.Available || r.Facts.RebootRequired {
		t.Errorf("the report is %+v, %+v, %v", r, r.Facts, err)
	}
}

// TestChangeIsReported has a report for each change, although the next is due in
// an hour.
func TestChangeIsReported(t *testing.T) {
	shop := health.Probe{Kind: health.Package, Target: "shop"}
	h := enrolled(t, shop)
	h.run()
	first := h.until("at all", ok(shop, true))
	h.install("1.1")
	h.until("of the new version", func(r health.Report) bool { return r.Packages["shop"] == "1.1" })
	write(t, filepath.Join(h.dpkg, "status"), "Package: shop\nStatus: install ok half-configured\nArchitecture: all\nVersion: 1.2\n")
	bad := h.until("of its failure", ok(shop, false))
	if bad.Audit != "shop 1.2 is half-configured" || bad.Packages["shop"] != "" {
		t.Errorf("the report is %+v", bad)
	}
	if before, after := resultOf(first, shop), resultOf(bad, shop); !after.Since.After(before.Since) {
		t.Errorf("it fails since %v, and was well since %v", after.Since, before.Since)
	}
}

// TestSinceStays holds that a result that did not change is as old as it is.
func TestSinceStays(t *testing.T) {
	well := health.NewCommand("true")
	h := enrolled(t, well)
	h.settings("1s")
	h.run()
	first := resultOf(h.until("at all", ok(well, true)), well)
	for range 2 {
		later := resultOf(h.until("later", anyReport), well)
		if d := later.Since.Sub(first.Since).Abs(); d > 10*time.Millisecond {
			t.Errorf("it is so since %v, and then since %v", first.Since, later.Since)
		}
	}
}

// TestHangingProbe holds that a probe that hangs holds up no other.
func TestHangingProbe(t *testing.T) {
	hangs := health.NewCommand("sleep", "600")
	hangs.Timeout = health.MaxTimeout
	well := health.NewCommand("true")
	h := enrolled(t, hangs, well)
	h.settings("1s")
	h.run()
	for range 2 {
		r := h.until("of the other", ok(well, true))
		if result, there := r.Result(hangs.Name()); there {
			t.Errorf("who hangs said %+v", result)
		}
	}
}

// TestServerRestarts has the agent find its controller again, and say how it is
// now and not how it was while nobody listened.
func TestServerRestarts(t *testing.T) {
	h := enrolled(t, health.Probe{Kind: health.Package, Target: "shop"})
	h.settings("1s") // who listens may be back later than the agent
	h.run()
	h.until("at all", anyReport)
	for i := range 3 {
		h.door.close()
		h.waitFor("the loss of the connection", func() bool { return !h.agent.link.conn.IsConnected() })
		for len(h.reports) > 0 {
			<-h.reports // from before
		}
		for j := range 5 { // of which only the last is worth telling
			h.install(fmt.Sprintf("2.%d.%d", i, j))
		}
		h.door.open()
		last := fmt.Sprintf("2.%d.4", i)
		if r := h.until("after the restart", anyReport); r.Packages["shop"] != last {
			t.Errorf("the first report after the restart has %v, want %s", r.Packages, last)
		}
	}
}

// TestBeginsWithoutController has an agent that begins before its controller.
func TestBeginsWithoutController(t *testing.T) {
	h := enrolled(t)
	h.settings("1s")
	h.door.close()
	h.run()
	h.waitFor("an attempt", func() bool { return h.log.has("cannot connect") })
	h.door.open()
	h.until("at all", anyReport)
}

func (h *host) ask(payload string) (health.Report, error) {
	answer, err := h.reader.Request("q."+h.id, []byte(payload), 5*time.Second)
	if err != nil {
		return health.Report{}, err
	}
	return health.Decode(answer.Data, time.Now())
}

// TestRequest has an agent asked: it looks at once, and goes on to report the
// packages that it was asked for.
func TestRequest(t *testing.T) {
	l := listener(t)
	tcp := health.Probe{Kind: health.TCP, Target: l.Addr().String()}
	h := enrolled(t, tcp)
	h.run()
	if r := h.until("at all", ok(tcp, true)); len(r.Packages) != 0 {
		t.Errorf("unasked it tells of %v", r.Packages)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := h.ask(`{"packages":["shop","none"]}`)
	if err != nil {
		t.Fatal(err)
	}
	if !ok(tcp, false)(r) || r.Packages["shop"] != "1.0" || len(r.Packages) != 1 {
		t.Errorf("the answer is %+v", r)
	}
	h.install("1.1")
	h.until("of the package that was asked for", func(r health.Report) bool { return r.Packages["shop"] == "1.1" })
	if _, err := h.reader.Request("q."+h.id, []byte(`{"run":["reboot"]}`), 300*time.Millisecond); !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("what it does not know is answered: %v", err)
	}
	if r, err := h.ask(""); err != nil || r.Packages["shop"] != "1.1" {
		t.Errorf("the answer is %+v, %v", r, err)
	}
}

// TestFilesChange changes what an agent is told while it runs.
func TestFilesChange(t *testing.T) {
	one, two := health.NewCommand("true"), health.NewCommand("false")
	h := enrolled(t, one)
	h.run()
	h.until("of the first probe", ok(one, true))
	h.probes(one, two)
	h.until("of the second probe", ok(two, false))
	h.probes(two)
	h.until("without the first", func(r health.Report) bool { _, there := r.Result(one.Name()); return !there })
	write(t, h.agent.Files.Probes, `{"version":99}`)
	h.waitFor("the complaint", func() bool { return h.log.has("they have version 99") })
	if r, err := h.ask(""); err != nil || !ok(two, false)(r) {
		t.Errorf("with a broken file the answer is %+v, %v", r, err)
	}
	h.probes(one)
	h.until("of the mended file", ok(one, true))
	h.settings("1s")
	h.until("by the new interval", anyReport)
	h.until("by the new interval", anyReport)
	second := newDoor(t)
	reader := second.reader()
	moved := make(chan *nats.Msg, 100)
	if _, err := reader.ChanSubscribe("h."+h.id, moved); err != nil {
		t.Fatal(err)
	}
	if err := reader.Flush(); err != nil {
		t.Fatal(err)
	}
	h.door = second
	write(t, h.agent.Files.Token, second.admit(h.id))
	h.settings("1h")
	select {
	case <-moved:
	case <-time.After(tooLong):
		t.Error("the agent did not move to its new controller")
	}
}

// TestToken has a token that is refused, until it is replaced.
func TestToken(t *testing.T) {
	h := enrolled(t)
	other := newDoor(t)
	write(t, h.agent.Files.Token, other.admit(h.id))
	h.run()
	h.waitFor("a refusal", func() bool { return h.log.has("uthoriz") })
	write(t, h.agent.Files.Token, h.door.admit(h.id))
	h.until("with the new token", anyReport)
}

func TestCannotBegin(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(h *host)
		want   string
	}{
		{"never enrolled", func(h *host) { remove(t, h.agent.Files.Settings) }, "cannot begin: cannot read"},
		{"no token", func(h *host) { remove(t, h.agent.Files.Token) }, "cannot read the token: open"},
		{"no key", func(h *host) { remove(t, h.agent.Files.seed()) }, "cannot read the host's key: open"},
		{"no authority", func(h *host) { remove(t, h.door.ca) }, "cannot read the certificate authority"},
		{"broken key", func(h *host) { write(t, h.agent.Files.seed(), "SUXXX\n") }, "agent.seed: "},
		{"cloned", func(h *host) { write(t, h.agent.Files.machine(), "another\n") }, "its key was made on another machine"},
		{"plain server", func(h *host) { write(t, h.agent.Files.Settings, "servers = [\"nats://x:1\"]\nca = \"x\"\n") },
			`agent.toml:1: servers[0]: "nats://x:1" is not of the form tls://HOST:PORT`},
		{"no server", func(h *host) { write(t, h.agent.Files.Settings, "ca = \"x\"\n") }, "agent.toml:1: servers: want at least one"},
		{"hasty", func(h *host) { h.settings("1ms") }, "agent.toml:3: interval: must be between 1s and 1h0m0s, is 1ms"},
		{"unknown key", func(h *host) { write(t, h.agent.Files.Settings, "server = \"tls://x:1\"\n") }, "unknown key (did you mean \"servers\"?)"},
	} {
		h := enrolled(t)
		tt.damage(h)
		if err := h.agent.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Run returned %v, want %s", tt.name, err, tt.want)
		}
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestOnce(t *testing.T) {
	well := health.NewCommand("true")
	h := enrolled(t, well)
	h.agent.Apt.Argv = []string{"echo", "Inst shop [1] (2 Example:stable/stable [all])"}
	r, err := h.agent.Once(t.Context(), []string{"shop"}, true)
	if err != nil || !ok(well, true)(r) || r.Packages["shop"] != "1.0" || r.Facts.Upgrades.Pending != 1 {
		t.Errorf("Once returned %+v, %v", r, err)
	}
	if r, err := h.agent.Once(t.Context(), nil, false); err != nil || r.Facts.Upgrades != nil {
		t.Errorf("unasked it knows of %+v, %v", r.Facts, err)
	}
	remove(t, h.agent.Files.Probes)
	if r, err := h.agent.Once(t.Context(), nil, false); err != nil || len(r.Results) != 0 {
		t.Errorf("without probes Once returned %+v, %v", r, err)
	}
}
