package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestPauseForAPerson rolls out in batches after each of which somebody has to say
// go on: by the command that the message names. To resume is not to go on.
func TestPauseForAPerson(t *testing.T) {
	f := failing(t)
	waits := func(done int, args ...string) {
		t.Helper()
		a := f.run(args...)
		if a.status != 4 || a.end(t).Summary["done"] != done || !strings.Contains(a.stderr, `"aptfleet continue R2" goes on`) {
			t.Errorf("want status 4, %d done, and how to go on: %s", done, a)
		}
	}
	waits(1, "rollout", "shop=1.1", "--to", group, "--yes", "--batches", "1", "--pause", "manual")
	f.has("1.1", "1.0", "1.0")
	said := lines[struct {
		Batch, Batches int
		Waits          struct{ For string }
	}](t, "rollout", f.do("status").stdout)
	if len(said) != 1 || said[0].Waits.For != "continue" || said[0].Batch != 1 || said[0].Batches != 3 {
		t.Errorf("the status is %+v", said)
	}
	waits(1, "resume", "R2")
	waits(2, "continue", "R2")
	f.has("1.1", "1.1", "1.0")
	f.ends(0, []string{"done", "done", "done"}, "continue", "R2")
	if a := f.run("continue", "R2"); a.status != 1 || !strings.Contains(a.stderr, "R2 does not wait") {
		t.Errorf("there is nothing to continue: %s", a)
	}
}

// TestPauseThatEnds: a person who does not like what is to be seen takes back what
// was done, or leaves it at that.
func TestPauseThatEnds(t *testing.T) {
	f := failing(t)
	first := []string{"rollout", "shop=1.1", "--to", group, "--yes", "--batches", "1", "--pause", "manual"}
	f.run(first...)
	f.ends(5, []string{"returned", "not started", "not started"}, "rollback", "R2", "--yes")
	f.run(first...)
	f.ends(3, []string{"done", "not started", "not started"}, "abort", "R3")
	f.has("1.1", "1.0", "1.0")
}

// TestFallenIllInThePause: nobody hears of hosts while a rollout waits for a person,
// so whoever goes on has those that are done asked anew. Here a unit of the first
// host has gone meanwhile, and no other gets what may be to blame. The same holds
// after a pause for a time.
func TestFallenIllInThePause(t *testing.T) {
	t.Parallel()
	f := bootedFleet(t, lab.Options{Count: 2})
	for _, h := range f.lab.Hosts() {
		f.put(h, "/etc/systemd/system/"+frailUnit, "[Service]\nExecStart=/bin/sleep infinity\n")
		f.exec(h, "systemctl", "start", frailUnit)
	}
	f.appendTo("inventory.toml", fmt.Sprintf("\n[groups.%s.health]\nunits = [%q]\n", group, frailUnit))
	slow := []string{"--to", group, "--yes", "--json", "--batches", "1", "--max-failures", "0", "--settle", "1s", "--deadline", "15s"}
	stops := func(a answer) {
		t.Helper()
		end := a.end(t)
		if web1 := end.host(t, "web1"); a.status != 4 || web1.Verdict != "failed" || !strings.Contains(web1.Cause, frailUnit) || end.Summary["not_started"] != 1 {
			t.Errorf("want status 4, web1 failed by its unit and web2 not started: %s", a)
		}
		if jobs := f.count(f.host(2), end.ID+"-*-apt-*"); jobs != 0 {
			t.Errorf("web2 has %d jobs of %s", jobs, end.ID)
		}
		f.exec(f.host(1), "systemctl", "start", frailUnit)
	}
	first := f.run(append([]string{"rollout", "shop=1.0", "--pause", "manual"}, slow...)...)
	if first.status != 4 || first.end(t).Summary["done"] != 1 {
		t.Fatalf("want a rollout that waits: %s", first)
	}
	f.exec(f.host(1), "systemctl", "stop", frailUnit)
	stops(f.run("continue", "R1"))
	f.run("retry", "R1") // asks web1 alone, and waits as before
	f.ends(0, []string{"done", "done"}, "continue", "R1")

	f.publish(shop{version: "1.1"})
	p := f.start(append([]string{"rollout", "shop=1.1", "--pause", "10s"}, slow...)...)
	p.says(f, `"event":"paused"`)
	f.exec(f.host(1), "systemctl", "stop", frailUnit)
	<-p.ended
	stops(answer{line: p.Args, status: p.ProcessState.ExitCode(), stdout: p.out.String(), stderr: p.errs.String()})
	f.has("1.1", "1.0")
}
