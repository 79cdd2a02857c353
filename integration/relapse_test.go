package integration

import (
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/integration/lab"
)

const frailUnit = "frail.service"

// heardFleet is booted hosts with agents that a daemon hears. Each has a unit that
// has to be healthy.
func heardFleet(t *testing.T, count int) (*fleet, *program) {
	t.Helper()
	t.Parallel()
	f := newFleet(t, lab.Options{Count: count})
	if f.lab.Kind() != lab.Booted {
		t.Skip("the agent needs systemd: " + f.lab.Reason())
	}
	l, err := net.Listen("tcp", f.lab.ListenAddress()+":0")
	f.must(err)
	f.must(l.Close())
	f.appendTo("aptfleet.toml", fmt.Sprintf("\n[bus]\nlisten = %q\nnames = [%q]\n", l.Addr(), f.lab.ListenAddress()))
	f.appendTo("inventory.toml", fmt.Sprintf("\n[groups.%s.health]\nunits = [%q]\n", group, frailUnit))
	f.do("publish", "--suite", "stable", buildAgent(t))
	f.do("enroll", group, "--yes")
	for _, h := range f.lab.Hosts() {
		f.put(h, "/etc/systemd/system/"+frailUnit, "[Service]\nExecStart=/bin/sh -c 'echo no database; exec sleep infinity'\n")
		f.exec(h, "systemctl", "daemon-reload")
		f.exec(h, "systemctl", "start", frailUnit)
	}
	return f, f.daemon()
}

// TestRelapse kills a unit on a host of the first batch, which has passed its
// gate, in the pause before the second: the rollout stops, or takes it back. The
// message names the probe of the host, since when, and what it said last.
func TestRelapse(t *testing.T) {
	f, _ := heardFleet(t, 3)
	f.publish(shop{version: "1.1"})
	slow := []string{"--to", group, "--yes", "--batches", "1,100%", "--max-failures", "0", "--settle", "1s", "--pause", "30m"}

	first := f.relapses(append([]string{"rollout", "shop=1.0", "--json"}, slow...), "R1")
	if end := first.end(t); first.status != 4 || end.host(t, "web1").Verdict != "failed" || end.Summary["not_started"] != 2 {
		t.Errorf("want status 4, web1 failed and two not started: %s", first)
	}
	f.saysWhy(first)
	f.has("1.0", "", "")
	f.exec(f.host(1), "systemctl", "restart", frailUnit)
	if end := f.run("retry", "R1", "--host", "web1").end(t); end.host(t, "web1").Verdict != "done" || f.count(f.host(1), "R1-*-apt-*") != 1 {
		t.Errorf("asked again, web1 is %+v, and ran apt %d times", end.host(t, "web1"), f.count(f.host(1), "R1-*-apt-*"))
	}

	second := f.relapses(append([]string{"rollout", "shop=1.1", "--json", "--on-failure", "rollback"}, slow...), "R2")
	if end := second.end(t); second.status != 5 || end.host(t, "web1").Verdict != "returned" || end.Summary["not_started"] != 2 {
		t.Errorf("want status 5, web1 returned and two not started: %s", second)
	}
	f.saysWhy(second)
	f.has("1.0", "", "")
}

// TestLastRelapse kills a unit on a host that has passed its gate while the last
// host is being installed: nothing is left to begin, that host is seen through,
// and the gate has stopped the rollout all the same.
func TestLastRelapse(t *testing.T) {
	f, _ := heardFleet(t, 2)
	f.put(f.host(2), faultFile, waiting)
	p := f.start("rollout", "shop=1.0", "--json", "--to", group, "--yes", "--batches", "1,100%", "--max-failures", "0", "--settle", "1s")
	until(t, "web2 is in the middle of apt", func() bool {
		return f.jobID(f.host(2)) != "" && strings.Contains(f.jobLog(f.host(2)), "waiting for the story")
	})
	f.exec(f.host(1), "systemctl", "kill", "--signal=KILL", frailUnit)
	p.says(f, `"event":"gate".*"host":"web1".*"status":"failed"`)
	f.put(f.host(2), goFile, "")
	<-p.ended
	a := answer{line: p.Args, status: p.ProcessState.ExitCode(), stdout: p.out.String(), stderr: p.errs.String()}
	end := a.end(t)
	if web1 := end.host(t, "web1"); a.status != 4 || web1.Verdict != "failed" || !strings.Contains(web1.Cause, "no longer healthy: unit "+frailUnit) || end.host(t, "web2").Verdict != "done" {
		t.Errorf("want status 4, web1 failed and web2 done: %s", a)
	}
	f.has("1.0", "1.0")
}

// relapses begins a rollout, kills the unit of web1 in the pause after the first
// batch, and returns how the command ended.
func (f *fleet) relapses(args []string, id string) answer {
	f.t.Helper()
	p := f.start(args...)
	p.says(f, `"event":"paused"`)
	killed := time.Now()
	f.exec(f.host(1), "systemctl", "kill", "--signal=KILL", frailUnit)
	<-p.ended
	a := answer{line: args, status: p.ProcessState.ExitCode(), stdout: p.out.String(), stderr: p.errs.String()}
	f.t.Logf("%s: stopped %v after the kill: %s", id, f.event(a, rollout.KindStopped).Time.Sub(killed), f.event(a, rollout.KindGate).Cause)
	return a
}

// storyEvent is one thing that happened in a rollout.
type storyEvent struct {
	Event  rollout.Kind
	Status rollout.Status
	Time   time.Time
	Host   string
	Cause  string
}

// event returns the last event of a kind that a command told.
func (f *fleet) event(a answer, kind rollout.Kind) (last storyEvent) {
	f.t.Helper()
	for _, e := range lines[storyEvent](f.t, "event", a.stdout) {
		if e.Event == kind {
			last = e
		}
	}
	if last.Event == "" {
		f.t.Fatalf("it has no event %q: %s", kind, a)
	}
	return last
}

// saysWhy wants the story of web1's unit to be told.
func (f *fleet) saysWhy(a answer) {
	f.t.Helper()
	why := regexp.MustCompile(`no longer healthy: unit frail\.service, since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(\d+s\): is failed \(failed\), result signal, exit status 9`)
	e := f.event(a, rollout.KindGate)
	if e.Host != "web1" || e.Status != rollout.Failed || !why.MatchString(e.Cause) || !strings.Contains(e.Cause, "Failed with result") {
		text, _ := json.Marshal(e)
		f.t.Errorf("the last gate is %s", text)
	}
}
