package agent

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/agent/probe"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// host is an agent that runs in a test, on this machine with a record of dpkg's
// of its own, and what its controller hears.
type host struct {
	t       *testing.T
	door    *door
	agent   *Agent
	id      string
	dpkg    string // the folder of the record
	log     *logged
	reader  *nats.Conn
	reports chan *nats.Msg
}

// logged is what an agent logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *logged) has(words string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), words)
}

// enrolled returns an agent that may begin. It looks and reports once an hour,
// unless there is cause.
func enrolled(t *testing.T, probes ...health.Probe) *host {
	t.Helper()
	etc, home, dpkg := t.TempDir(), t.TempDir(), t.TempDir()
	h := &host{t: t, door: newDoor(t), dpkg: dpkg, log: &logged{}, reports: make(chan *nats.Msg, 1000)}
	d := &probe.Dpkg{Dir: dpkg}
	h.agent = &Agent{
		Files: Places(etc, home), Host: &probe.Host{Dpkg: d, Units: &probe.Units{Address: "unix:path=" + filepath.Join(home, "none")}},
		Apt: probe.Apt{Lists: filepath.Join(dpkg, "lists")}, Reboot: &probe.Reboot{File: filepath.Join(dpkg, "reboot"), Dpkg: d},
		Version: "1.2.3", Log: slog.New(slog.NewTextHandler(h.log, nil)),
	}
	h.install("1.0")
	var err error
	if h.id, err = Identity(h.agent.Files); err != nil {
		t.Fatal(err)
	}
	h.settings("1h")
	h.probes(probes...)
	write(t, h.agent.Files.Token, h.door.admit(h.id)+"\n")
	h.reader = h.door.reader()
	if _, err := h.reader.ChanSubscribe("h."+h.id, h.reports); err != nil {
		t.Fatal(err)
	}
	if err := h.reader.Flush(); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *host) install(version string) {
	write(h.t, filepath.Join(h.dpkg, "status"), "Package: shop\nStatus: install ok installed\nArchitecture: all\nVersion: "+version+"\n")
}

func (h *host) settings(interval string) {
	write(h.t, h.agent.Files.Settings, fmt.Sprintf("servers = [%q]\nca = %q\ninterval = %q\n", h.door.url(), h.door.ca, interval))
}

func (h *host) probes(probes ...health.Probe) {
	h.t.Helper()
	data, err := health.EncodeProbes(probes)
	if err != nil {
		h.t.Fatal(err)
	}
	write(h.t, h.agent.Files.Probes, string(data))
}

// run runs the agent until the test ends.
func (h *host) run() {
	ctx, cancel := context.WithCancel(h.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.agent.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("Run returned %v", err)
		}
		if h.t.Failed() {
			h.t.Logf("the agent says:\n%s", h.log.text.String())
		}
	})
}

const tooLong = 30 * time.Second

// until returns the first report that is as wanted.
func (h *host) until(what string, wanted func(health.Report) bool) health.Report {
	h.t.Helper()
	late := time.After(tooLong)
	var last *nats.Msg
	for {
		select {
		case last = <-h.reports:
			r, err := health.Decode(last.Data, time.Now())
			if err != nil {
				h.t.Fatal(err)
			}
			if wanted(r) {
				return r
			}
		case <-late:
			h.t.Fatalf("there is no report %s; the last was %v\nthe agent says:\n%s", what, last, h.log.text.String())
		}
	}
}

// waitFor waits for what no report tells.
func (h *host) waitFor(what string, is func() bool) {
	h.t.Helper()
	for begun := time.Now(); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > tooLong {
			h.t.Fatalf("%s did not happen; the agent says:\n%s", what, h.log.text.String())
		}
	}
}

func resultOf(r health.Report, p health.Probe) health.Result {
	result, _ := r.Result(p.Name())
	return result
}

func anyReport(health.Report) bool { return true }

func ok(probe health.Probe, want bool) func(health.Report) bool {
	return func(r health.Report) bool {
		result, there := r.Result(probe.Name())
		return there && result.OK == want
	}
}

// listener returns an address where somebody listens, until closed.
func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // the test may have
	return l
}
