package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestTwoTerminals: whatever a second command wants of the rollout that a first
// one carries out, or of any other, it is told who is at work, and nothing comes
// of it. The first is not disturbed.
func TestTwoTerminals(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 2, Kind: lab.Light})
	f.rollOut("shop=1.0")
	f.publish(shop{version: "1.1"})
	for _, h := range f.lab.Hosts() {
		f.put(h, faultFile, waiting)
	}
	p := f.start("--json", "rollout", "shop=1.1", "--to", group, "--yes")
	for _, h := range f.lab.Hosts() {
		until(t, h.Name()+" is in the middle of apt", func() bool { return strings.Contains(f.jobLog(h), "waiting for the story") })
	}
	for _, args := range [][]string{
		{"resume", "R2"}, {"retry", "R2"}, {"rollback", "R2", "--yes"}, {"abort", "R2"}, {"rollback", "R1", "--yes"},
		{"rollout", "shop=1.0", "--to", group, "--yes"}, {"status"}, {"watch", "R2"}, {"logs", "R2", "web1"}, {"history"},
	} {
		a := f.run(args...)
		if want := fmt.Sprintf("process %d has it (%s", p.Process.Pid, strings.Join(p.Args, " ")); a.status != 1 || !strings.Contains(a.stderr, want) || strings.Contains(a.stdout, `"event"`) {
			t.Errorf("beside the first %s, want %q", a, want)
		}
	}
	if a := f.run("abort", "R2"); !strings.Contains(a.stderr, fmt.Sprintf("kill -INT %d", p.Process.Pid)) {
		t.Errorf("it does not say how to abort the first: %s", a)
	}
	for _, h := range f.lab.Hosts() {
		f.put(h, goFile, "")
	}
	<-p.ended
	end := answer{stdout: p.out.String()}.end(t)
	if p.ProcessState.ExitCode() != 0 || end.Summary["done"] != 2 {
		t.Errorf("the first ended with %v and %+v", p.ProcessState, end)
	}
	for _, kind := range f.decisions("R2") {
		if kind == "taken" || kind == "retried" || kind == "rollback" || kind == "aborted" {
			t.Errorf("the journal says %q of what was refused", kind)
		}
	}
	f.has("1.1", "1.1")
}

// decisions returns what was decided in a rollout, from the journal.
func (f *fleet) decisions(id string) (kinds []string) {
	f.t.Helper()
	for _, e := range lines[struct{ Event, Host string }](f.t, "event", f.do("watch", id).stdout) {
		if e.Host == "" {
			kinds = append(kinds, e.Event)
		}
	}
	return kinds
}
