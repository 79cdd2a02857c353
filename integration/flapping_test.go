package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// lookedAfter starts light hosts whose inventory has one command as their health.
// It runs with the number of times that it has been asked on that host in $n.
func lookedAfter(t *testing.T, command, more string) *fleet {
	t.Helper()
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 3, Kind: lab.Light})
	script := "#!/bin/sh\nn=$(($(cat asked 2>/dev/null || echo 0) + 1))\necho $n >asked\n" + command + "\n"
	f.must(os.WriteFile(f.path("probe"), []byte(script), 0o755))
	f.write("inventory.toml", f.lab.Inventory(group)+fmt.Sprintf("\n[groups.%s.health]\ncommand = [{ run = [%q]%s }]\n", group, f.path("probe"), more))
	return f
}

// patiently is a rollout whose hosts must be healthy for three seconds, which is
// more than one look, by twelve.
func (f *fleet) patiently(args ...string) answer {
	f.t.Helper()
	return f.run(append([]string{"rollout", "shop=1.0", "--to", group, "--yes", "--settle", "3s", "--deadline", "12s"}, args...)...)
}

// TestGateFlaps: hosts that are well at every other look never are for as long as
// it takes.
func TestGateFlaps(t *testing.T) {
	f := lookedAfter(t, "echo look $n; [ $((n % 2)) = 1 ]", "")
	a := f.patiently("--batches", "1", "--max-failures", "0")
	end := a.end(t)
	if a.status != 4 || end.Summary["failed"] != 1 || end.Summary["not_started"] != 2 {
		t.Errorf("want status 4, one host failed and two not started: %s", a)
	}
	if got := end.host(t, "web1"); !strings.Contains(got.Cause, "probe") || !strings.Contains(got.Cause, "look ") {
		t.Errorf("the cause is %q, and does not have what the probe said", got.Cause)
	}
	f.has("1.0", "", "")
}

// TestGateFlapsAndSettles: hosts that come and go for a while are done once they
// have stayed.
func TestGateFlapsAndSettles(t *testing.T) {
	f := lookedAfter(t, "[ $n -gt 3 ] || [ $n = 2 ]", "")
	a := f.patiently("--max-failures", "0", "--deadline", "3m") // it takes as long as it takes
	if a.status != 0 || a.end(t).Summary["done"] != 3 {
		t.Errorf("want status 0 and three hosts done: %s", a)
	}
	for _, h := range f.lab.Hosts() {
		if asked := strings.TrimSpace(f.read(h, "/root/asked")); len(asked) == 1 && asked < "5" {
			t.Errorf("%s was asked %s times, which cannot have shown that it is healthy", h.Name(), asked)
		}
	}
}

// TestProbeHangs: a probe that never answers is cut off at its own time and counts
// as a host that is not healthy; nothing of it stays behind.
func TestProbeHangs(t *testing.T) {
	f := lookedAfter(t, "echo hangs; exec sleep 4711", ", timeout = \"1s\"")
	a := f.patiently("--batches", "1", "--max-failures", "0")
	if end := a.end(t); a.status != 4 || end.Summary["failed"] != 1 || end.Summary["not_started"] != 2 {
		t.Errorf("want status 4, one host failed and two not started: %s", a)
	}
	if cause := a.end(t).host(t, "web1").Cause; !strings.Contains(cause, "1s") {
		t.Errorf("the cause is %q, and does not say how long the probe was waited for", cause)
	}
}
