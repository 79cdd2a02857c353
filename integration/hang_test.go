package integration

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestHangingScript rolls out to four hosts, two at a time, of which the first
// two have a script that does not end. The command says whom it waits for and is
// interrupted once, which begins no further host, and twice, which leaves the
// job that hangs to itself. The journal tells all of it afterwards.
func TestHangingScript(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 4, Suites: []string{lab.Bookworm, lab.Trixie}})
	hangs, slow := f.host(1), f.host(2)
	f.put(hangs, faultFile, waiting)
	f.put(slow, faultFile, waiting)
	p := f.start("rollout", "shop=1.0", "--to", group, "--yes", "--parallel", "2")
	for _, h := range []lab.Host{hangs, slow} {
		p.says(f, h.Name()+" +for [0-9]+s at: Configuring shop.*; it last said: waiting for the story")
	}
	f.secondCommand(p)

	p.interrupt(f)
	p.says(f, "interrupted: no further host is begun; waiting for web1, web2")
	f.put(slow, goFile, "")
	p.says(f, "web2 +done")
	p.interrupt(f)
	<-p.ended
	if status := p.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v, want by the interrupt", p.ProcessState)
	}
	f.isLeft()

	f.put(hangs, goFile, "")
	until(t, "the job that was left to itself ends", func() bool { return f.version(hangs, "shop") == "1.0" })
}

// secondCommand wants another command to be told who is at work.
func (f *fleet) secondCommand(p *program) {
	f.t.Helper()
	for _, args := range [][]string{{"status"}, {"rollout", "shop", "--to", group, "--yes"}} {
		a := f.run(args...)
		if want := fmt.Sprintf("process %d has it (%s", p.Process.Pid, strings.Join(p.Args, " ")); a.status != 1 || !strings.Contains(a.stderr, want) {
			f.t.Errorf("beside it %s, want %q", a, want)
		}
	}
}

// isLeft wants the journal to tell of a rollout whose command is gone: one host
// is done, one still runs, and two were never begun.
func (f *fleet) isLeft() {
	f.t.Helper()
	end := f.do("status").end(f.t)
	if end.Phase != "open" {
		f.t.Errorf("the rollout is %s, want open", end.Phase)
	}
	for name, want := range map[string]string{"web1": "running", "web2": "done", "web3": "not started", "web4": "not started"} {
		if got := end.host(f.t, name); got.Verdict != want {
			f.t.Errorf("%s is %s, want %s", name, got.Verdict, want)
		}
	}
	for _, h := range f.lab.Hosts()[2:] {
		if log := f.jobLog(h); log != "" {
			f.t.Errorf("%s was begun:\n%s", h.Name(), log)
		}
	}
	if a := f.do("logs", end.ID, "web1"); !strings.Contains(a.stdout, "waiting for the story") {
		f.t.Errorf("the journal has not what the script said last: %s", a)
	}
}
