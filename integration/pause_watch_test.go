package integration

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// TestWatchedInPauseOverSSH: a host falls ill in the pause after its batch, and no
// agent tells of it. It is looked at all the same, and nobody has to wait for the end
// of the pause to hear of it.
func TestWatchedInPauseOverSSH(t *testing.T) {
	f := probed(t)
	f.write("well", "")
	p := f.start(append(soon, "--json", "shop=1.0", "--batches", "1,100%", "--max-failures", "0", "--on-failure", "rollback", "--pause", "30m")...)
	p.says(f, `"event":"paused"`)
	f.must(os.Remove(f.path("well")))
	<-p.ended
	end := answer{stdout: p.out.String()}.end(t)
	if web1 := end.host(t, "web1"); p.ProcessState.ExitCode() != 5 || web1.Verdict != "returned" || end.Summary["not_started"] != 2 {
		t.Errorf("want status 5, web1 returned and two not started: %v\n%s", p.ProcessState, p.out.String())
	}
	if !strings.Contains(p.out.String(), "the host is no longer healthy: command test -e") {
		t.Errorf("it does not say why:\n%s", p.out.String())
	}
	f.has("", "", "")
}

// TestWatchedWithoutAgents: a daemon hears agents, and hosts have none. They are looked at
// as if it heard nobody: in a pause, and while a person is waited for.
func TestWatchedWithoutAgents(t *testing.T) {
	for _, pause := range []string{"30m", "manual"} {
		t.Run(pause, func(t *testing.T) {
			f := probed(t)
			f.write("well", "")
			l, err := net.Listen("tcp", "127.0.0.1:0")
			f.must(err)
			f.must(l.Close())
			f.appendTo("aptfleet.toml", fmt.Sprintf("\n[bus]\nlisten = %q\nnames = [\"127.0.0.1\"]\n", l.Addr()))
			f.daemon()
			f.start(append(soon, "shop=1.0", "--batches", "1,100%", "--max-failures", "0", "--on-failure", "rollback", "--pause", pause)...)
			until(t, "web1 is done", func() bool { return strings.Contains(f.run("status", "R1").stdout, `"waits"`) })
			f.must(os.Remove(f.path("well")))
			until(t, "all are taken back", func() bool { return f.do("status", "R1").end(t).Phase == "finished" })
			f.ends(0, []string{"returned", "not started", "not started"}, "status", "R1")
			f.has("", "", "")
		})
	}
}

// TestWatchedWhileAPersonIsWaitedFor: a daemon looks after the hosts that are done as
// long as a rollout waits for somebody to go on. What is within the budget leaves it
// waiting; what is not has it do what the policy says, and the next daemon goes on
// looking.
func TestWatchedWhileAPersonIsWaitedFor(t *testing.T) {
	f := lookedAfter(t, "[ ! -e ill ]", "")
	d := f.daemon()
	a := f.run(append(soon, "shop=1.0", "--batches", "2,100%", "--max-failures", "1", "--on-failure", "rollback", "--pause", "manual")...)
	if a.status != 4 || a.end(t).Summary["done"] != 2 {
		t.Fatalf("want a rollout that waits: %s", a)
	}
	f.put(f.host(1), "/root/ill", "")
	until(t, "web1 is known to be ill", func() bool { return f.do("status", "R1").end(t).Summary["failed"] == 1 })
	until(t, "it waits as before", func() bool { return strings.Contains(f.do("status", "R1").stdout, `"for":"continue"`) })
	f.stop(d)
	f.daemon()
	f.put(f.host(2), "/root/ill", "")
	until(t, "all are taken back", func() bool { return f.do("status", "R1").end(t).Phase == "finished" })
	f.ends(0, []string{"returned", "returned", "not started"}, "status", "R1")
	f.has("", "", "")
}

// TestContinuedWhileWatched: whoever goes on is not kept from it by a daemon that looks
// after the hosts, and in the next pause it looks again.
func TestContinuedWhileWatched(t *testing.T) {
	f := lookedAfter(t, "sleep 1; [ ! -e ill ]", "")
	f.daemon()
	a := f.run(append(soon, "shop=1.0", "--batches", "1", "--max-failures", "0", "--pause", "manual")...)
	if a.status != 4 {
		t.Fatalf("want a rollout that waits: %s", a)
	}
	time.Sleep(12 * time.Second) // by then the first was looked at
	if a = f.run("continue", "R1"); a.status != 4 || a.end(t).Summary["done"] != 2 {
		t.Fatalf("want it to wait again, with two hosts done: %s", a)
	}
	f.put(f.host(1), "/root/ill", "")
	until(t, "web1 is known to be ill", func() bool { return f.do("status", "R1").end(t).Phase == "finished" })
	f.ends(0, []string{"failed", "done", "not started"}, "status", "R1")
}
