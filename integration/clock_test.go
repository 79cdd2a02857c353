package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/integration/lab"
	"github.com/aptfleet/aptfleet/integration/simagent"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// TestWrongClocks: a host whose clock is wrong by more than the certificate of the
// controller is valid reports all the same, and is shown as what it is.
func TestWrongClocks(t *testing.T) {
	t.Parallel()
	f := newFleet(t, lab.Options{Kind: lab.Light})
	wrong := []time.Duration{0, 3 * day, 100 * day, -30 * day, -20000 * day}
	agents, door := f.reported(len(wrong))
	f.appendTo("inventory.toml", "[groups.sim.health]\nclock = { max_skew = \"1m\" }\n")
	f.daemon()
	for i, ahead := range wrong {
		f.agentAhead(agents, i, door, ahead)
	}
	f.tellsClocks(map[string]string{
		"sim-00000": "", "sim-00001": "is 72h0m", "sim-00002": "is 2400h0m", "sim-00003": "is 720h0m", "sim-00004": "is 480000h0m",
	})
	if text := f.people("health", "sim"); !strings.Contains(text, "clock skew: is 72h0m") || !strings.Contains(text, "behind, and may be 1m0s") {
		t.Errorf("people are told\n%s", text)
	}
}

const day = 24 * time.Hour

// tellsClocks waits until the daemon has each host's clock as wanted: "" is right,
// and else how its failure begins.
func (f *fleet) tellsClocks(want map[string]string) {
	f.t.Helper()
	var last answer
	defer func() {
		if f.t.Failed() {
			f.t.Log(last)
		}
	}()
	until(f.t, "each clock is told of", func() bool {
		last = f.run("health", "sim")
		right := 0
		for _, h := range last.health(f.t) {
			clock, state := want[h.Host], "failing"
			if clock == "" {
				state = "healthy"
			}
			if h.State == state && (clock == "" || len(h.Failures) == 1 && h.Failures[0].Probe == "clock skew" && strings.HasPrefix(h.Failures[0].Output, clock)) {
				right++
			}
		}
		return right == len(want)
	})
}

// people returns what a command tells who does not ask for JSON.
func (f *fleet) people(args ...string) string {
	f.t.Helper()
	p := f.start(args...)
	<-p.ended
	return p.out.String()
}

// agentAhead runs the agent's program in the place of one of a fleet's agents, with
// a clock that is ahead.
func (f *fleet) agentAhead(agents *simagent.Fleet, i int, door string, ahead time.Duration) *program {
	f.t.Helper()
	a := agents.Agents[i]
	etc, home := f.t.TempDir(), f.t.TempDir()
	probes, err := health.EncodeProbes([]health.Probe{health.NewClock(time.Minute)})
	f.must(err)
	for path, text := range map[string]string{
		etc + "/agent.toml":  fmt.Sprintf("servers = [\"tls://%s\"]\nca = %q\ninterval = \"1s\"\n", door, etc+"/ca.pem"),
		etc + "/ca.pem":      string(agents.CA),
		etc + "/agent.jwt":   a.Token,
		etc + "/probes.json": string(probes),
		home + "/agent.seed": a.Seed + "\n",
	} {
		f.must(os.WriteFile(path, []byte(text), 0o600))
	}
	return f.launch(exec.Command(f.agentWithClock(ahead), "run", "--etc", etc, "--home", home))
}

// agentWithClock builds the agent with a Go whose clock is ahead. Nothing else can
// give a wrong clock to a static program on a machine whose own is right: it asks
// the kernel without a library between, and time namespaces do not have that clock.
func (f *fleet) agentWithClock(ahead time.Duration) string {
	f.t.Helper()
	const reads = "\tsec, nsec, mono := runtimeNow()\n"
	root, err := exec.Command("go", "env", "GOROOT").Output()
	f.must(err)
	original := filepath.Join(strings.TrimSpace(string(root)), "src/time/time.go")
	text, err := os.ReadFile(original)
	f.must(err)
	if strings.Count(string(text), reads) != 1 {
		f.t.Fatalf("%s does not read the clock by one line %q any more", original, reads)
	}
	changed := strings.Replace(string(text), reads, reads+"\tsec += clockIsAhead\n", 1) +
		"\nvar clockAhead string // set by the linker, in seconds\n\nvar clockIsAhead = func() int64 { n, _ := atoi(clockAhead); return int64(n) }()\n"
	dir := f.t.TempDir()
	f.must(os.WriteFile(dir+"/time.go", []byte(changed), 0o600))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: dir + "/time.go"}})
	f.must(err)
	f.must(os.WriteFile(dir+"/overlay.json", overlay, 0o600))
	build := exec.CommandContext(f.t.Context(), "go", "build", "-overlay", dir+"/overlay.json", "-o", dir+"/aptfleet-agent",
		"-ldflags", fmt.Sprintf("-X time.clockAhead=%d", int64(ahead/time.Second)), module+"agent/cmd/aptfleet-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		f.t.Fatalf("%v\n%s", err, out)
	}
	return dir + "/aptfleet-agent"
}
