package integration

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// aborting starts a rollout to four hosts, two at a time, and waits until apt is
// at work on the first two.
func aborting(t *testing.T) (*fleet, *program) {
	t.Helper()
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 4, Kind: lab.Light})
	for _, h := range f.lab.Hosts() {
		f.put(h, faultFile, waiting)
	}
	p := f.start("--json", "rollout", "shop=1.0", "--to", group, "--yes", "--parallel", "2")
	for _, h := range f.lab.Hosts()[:2] {
		until(t, h.Name()+" is in the middle of apt", func() bool { return strings.Contains(f.jobLog(h), "waiting for the story") })
	}
	return f, p
}

// goOn lets the scripts of all hosts end.
func (f *fleet) goOn() {
	for _, h := range f.lab.Hosts() {
		f.put(h, goFile, "")
	}
}

// aborted wants the rollout to have ended without the last two hosts, and a retry
// to do those alone.
func (f *fleet) aborted() {
	f.t.Helper()
	end := f.do("status").end(f.t)
	if end.Phase != "finished" || end.Summary["done"] != 2 || end.Summary["not_started"] != 2 {
		f.t.Errorf("aborted, the rollout is %s with %v", end.Phase, end.Summary)
	}
	if !slices.Contains(f.decisions("R1"), "aborted") {
		f.t.Errorf("the journal has %q, and not that it was aborted", f.decisions("R1"))
	}
	f.has("1.0", "1.0", "", "")
	f.ends(3, []string{"done", "done", "not started", "not started"}, "abort", "R1") // again, which changes nothing
	f.ends(0, []string{"done", "done", "done", "done"}, "retry", "R1")
	for _, h := range f.lab.Hosts() {
		if n := f.count(h, "R1-*-apt-*"); n != 1 {
			f.t.Errorf("%s has %d jobs, want 1", h.Name(), n)
		}
	}
}

// TestInterruptedOnce: Ctrl-C begins no further host, and lets apt finish.
func TestInterruptedOnce(t *testing.T) {
	f, p := aborting(t)
	p.interrupt(f)
	p.says(f, `"event":"aborted"`)
	f.goOn()
	<-p.ended
	if status := p.ProcessState.ExitCode(); status != 3 {
		t.Errorf("the exit status is %d, want 3: %s%s", status, p.out.String(), p.errs.String())
	}
	f.aborted()
}

// TestAbortOfTheDead: the command was killed. abort waits for what it left behind,
// and may itself be killed and given again.
func TestAbortOfTheDead(t *testing.T) {
	f, p := aborting(t)
	f.must(p.Process.Kill())
	<-p.ended
	p = f.start("--json", "abort", "R1")
	p.says(f, `"event":"aborted"`)
	f.must(p.Process.Kill())
	<-p.ended
	f.goOn()
	f.ends(3, []string{"done", "done", "not started", "not started"}, "abort", "R1")
	f.aborted()
}

// TestSomeOfTheDead: the command was killed. Whoever takes some hosts up again has
// those seen through that it left at work; to take some back, that has to come first.
func TestSomeOfTheDead(t *testing.T) {
	f, p := aborting(t)
	f.must(p.Process.Kill())
	<-p.ended
	if a := f.run("rollback", "R1", "--to", "web1", "--yes"); a.status != 1 || !strings.Contains(a.stderr, "web2") || !strings.Contains(a.stderr, `"aptfleet resume R1"`) {
		t.Errorf("want status 1, the host that is at work, and what to do: %s", a)
	}
	f.goOn()
	f.ends(3, []string{"done", "done", "done", "not started"}, "retry", "R1", "--host", "web3")
	f.ends(5, []string{"returned", "done", "done", "not started"}, "rollback", "R1", "--to", "web1", "--yes")
}

// TestBudgetInTheMiddleOfABatch: two hosts are at work when a third fails. They
// are let finish, and no other is begun, although their batch has more.
func TestBudgetInTheMiddleOfABatch(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 5, Kind: lab.Light})
	for _, n := range []int{1, 3} {
		f.put(f.host(n), faultFile, waiting)
	}
	f.put(f.host(2), faultFile, waiting+"exit 1\n")
	p := f.start("--json", "rollout", "shop=1.0", "--to", group, "--yes", "--parallel", "3", "--max-failures", "0")
	for _, h := range f.lab.Hosts()[:3] {
		until(t, h.Name()+" is in the middle of apt", func() bool { return strings.Contains(f.jobLog(h), "waiting for the story") })
	}
	f.put(f.host(2), goFile, "")
	p.says(f, `"event":"stopped"`)
	f.goOn()
	<-p.ended
	if status := p.ProcessState.ExitCode(); status != 4 {
		t.Errorf("the exit status is %d, want 4: %s%s", status, p.out.String(), p.errs.String())
	}
	f.ends(0, []string{"done", "failed", "done", "not started", "not started"}, "status")
	f.has("1.0", "", "1.0", "", "")
}

// TestInterruptedAtQuestion: Ctrl-C where a number of hosts is asked for is an
// answer: the command ends, and nothing comes of it.
func TestInterruptedAtQuestion(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 2, Kind: lab.Light})
	f.rollOut("shop=1.0")
	f.publish(shop{version: "1.1"})
	for _, line := range []string{"rollout shop=1.1 --to " + group, "rollout shop=1.1 --no-plan --to " + group, "rollback R1", "enroll " + group} {
		p, keyboard := f.onTerminal(strings.Fields(line)...)
		p.says(f, "Type their number")
		_, err := io.WriteString(keyboard, "\x03")
		f.must(err)
		p.says(f, "interrupted; nothing was done")
		<-p.ended
		if status := p.ProcessState.ExitCode(); status != 1 {
			t.Errorf("%s: the exit status is %d, want 1:\n%s", line, status, p.out.String())
		}
	}
	f.has("1.0", "1.0")
	if end := f.do("status").end(t); end.ID != "R1" || end.Phase != "finished" {
		t.Errorf("the journal has %s, which is %s", end.ID, end.Phase)
	}
}
