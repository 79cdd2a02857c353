package integration

import (
	"os"
	"strings"
	"testing"
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
	if !strings.Contains(p.out.String(), "the host is no longer well: command test -e") {
		t.Errorf("it does not say why:\n%s", p.out.String())
	}
	f.has("", "", "")
}
