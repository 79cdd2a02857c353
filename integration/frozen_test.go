package integration

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// by is who wrote an event, which, and when.
type by struct {
	By, Event, Host string
	Time            time.Time
}

// TestFrozen stops the controller that has the rollout, so that another one takes it
// over and, asked to, aborts it, and lets it go on then, with both hands free and two
// hosts that nobody has begun: it begins none, writes nothing, says that it lets the
// rollout go, and serves on.
func TestFrozen(t *testing.T) {
	p := newPair(t)
	events := p.events()
	p.must(p.first.Process.Signal(syscall.SIGSTOP))
	p.takenOver(p.second, events)
	p.other.start("abort", "R1").says(p.other, "aborted: asked for")
	p.goOn()
	until(t, "the rollout ends", func() bool { return p.other.do("status", "R1").end(t).Phase == "finished" })
	p.must(p.first.Process.Signal(syscall.SIGCONT))
	p.first.says(p.fleet, "a rollout is let go.*rollout=R1")
	p.first.says(p.fleet, "a rollout was left") // nothing of it goes on there
	for i, want := range []int{1, 1, 0, 0} {
		if n := p.count(p.host(i+1), "R1-*-apt-*"); n != want {
			t.Errorf("%s has %d jobs, want %d", p.host(i+1).Name(), n, want)
		}
	}
	if end := p.do("status", "R1").end(t); end.Phase != "finished" || end.Summary["done"] != 2 || end.Summary["not_started"] != 2 {
		t.Errorf("the first controller says of R1: %+v", end)
	}
	p.wroteNothing()
	if end := p.fleet.rollOut("shop=1.0"); end.Summary["done"] != 4 {
		t.Errorf("the first controller does not serve: %+v", end)
	}
}

// wroteNothing wants the journal to have no event by the first controller after the
// second one took the rollout.
func (p *pair) wroteNothing() {
	p.t.Helper()
	first, second := pid(p.first), pid(p.second)
	taken, wrote := false, false
	for _, e := range lines[by](p.t, "event", p.other.do("watch", "R1").stdout) {
		taken = taken || e.Event == "taken" && strings.Contains(e.By, second)
		if wrote = wrote || strings.Contains(e.By, first); taken && strings.Contains(e.By, first) {
			p.t.Errorf("the first controller wrote %+v after it had lost the rollout", e)
		}
	}
	if !taken || !wrote {
		p.t.Errorf("the second controller has taken the rollout: %v, and the first one had it: %v", taken, wrote)
	}
}

// pid is how a process is named in what it writes.
func pid(p *program) string { return fmt.Sprintf("(%d)", p.Process.Pid) }
