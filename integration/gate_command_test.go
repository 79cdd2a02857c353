package integration

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// probed starts three light hosts whose inventory asks whether a file is there:
// /well on the machine of a test, since light hosts share it.
func probed(t *testing.T) *fleet {
	t.Helper()
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 3, Kind: lab.Light})
	f.write("inventory.toml", f.lab.Inventory(group)+fmt.Sprintf("\n[groups.%s.health]\npackages = [\"shop\"]\ncommand = [{ run = [\"test\", \"-e\", %q] }]\n", group, f.path("well")))
	return f
}

var soon = []string{"rollout", "--to", group, "--yes", "--settle", "1s", "--deadline", "10s"}

func TestGatePasses(t *testing.T) {
	f := probed(t)
	f.write("well", "")
	a := f.run(append(soon, "shop=1.0")...)
	if a.status != 0 || strings.Count(a.stdout, `"event":"gate"`) != 3 {
		t.Errorf("want status 0 and 3 gates: %s", a)
	}
}

// TestGateStops has hosts that are not healthy after the first batch: nothing further
// is begun, the message names the probe, and once the hosts are well a retry asks
// the gate again and goes on.
func TestGateStops(t *testing.T) {
	f := probed(t)
	a := f.run(append(soon, "shop=1.0", "--batches", "1", "--max-failures", "0")...)
	end := a.end(t)
	if a.status != 4 || end.Summary["failed"] != 1 || end.Summary["not_started"] != 2 {
		t.Errorf("want status 4, one host failed and two not started: %s", a)
	}
	if cause := end.host(t, "web1").Cause; !strings.Contains(cause, "test -e") {
		t.Errorf("the cause is %q, and does not name the probe", cause)
	}
	f.write("well", "")
	if a := f.do("retry", end.ID); a.end(t).Summary["done"] != 3 {
		t.Errorf("after a retry: %s", a)
	}
	if jobs := strings.Count(f.exec(f.host(1), "ls", f.host(1).Path("/var/lib/aptfleet/jobs")), "-apt-"); jobs != 1 {
		t.Errorf("web1 has %d jobs, want the one that did its work", jobs)
	}
}

func TestNoGate(t *testing.T) {
	f := probed(t)
	if a := f.do(append(soon, "shop=1.0", "--no-gate")...); strings.Contains(a.stdout, `"event":"gate"`) {
		t.Errorf("a gate was asked: %s", a)
	}
}

// TestAbortedAtTheGate: nobody waits any longer until hosts are well on which all is
// installed. That is not to be taken for a rollout that is done, and a retry waits.
func TestAbortedAtTheGate(t *testing.T) {
	f := probed(t)
	p := f.start("rollout", "shop=1.0", "--to", group, "--yes", "--settle", "1s", "--deadline", "3m")
	until(t, "all hosts have the package", func() bool {
		return !slices.ContainsFunc(f.lab.Hosts(), func(h lab.Host) bool { return f.version(h, "shop") != "1.0" })
	})
	p.says(f, "web3")
	p.interrupt(f)
	<-p.ended
	if status := p.ProcessState.ExitCode(); status != 3 || !strings.Contains(p.out.String(), `not known to be well: 3 hosts; "aptfleet retry R1" waits for that`) {
		t.Errorf("want status 3 and what to do about it: %d\n%s%s", status, p.out.String(), p.errs.String())
	}
	if by := regexp.MustCompile(`aborted in batch 1 of 1 by \S+@\S+ \(\d+\): interrupted\n`); !by.MatchString(p.out.String()) {
		t.Errorf("it does not say who aborted it:\n%s", p.out.String())
	}
	f.write("well", "")
	if a := f.do("retry", "R1"); strings.Count(a.stdout, `"event":"gate"`) != 3 || strings.Contains(a.stdout, "ungated") {
		t.Errorf("want 3 gates: %s", a)
	}
}
