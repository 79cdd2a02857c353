package integration

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestCanaryAndMutex: the host that the inventory calls a canary is alone in the
// first batch. Of two that share a mutex and a pair label, the second one is not
// begun while apt is at work on the first, although there is room and others are
// done meanwhile.
func TestCanaryAndMutex(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 4, Kind: lab.Light})
	f.appendTo("inventory.toml", `
[groups.two]
hosts  = ["web1", "web2"]
mutex  = "shop"
labels = { pair = "a" }
[groups.first]
hosts  = ["web4"]
labels = { canary = "true" }
`)
	f.put(f.host(1), faultFile, waiting)
	p := f.start("--json", "rollout", "shop=1.0", "--to", group, "--yes", "--batches", "1,100%")
	until(t, "web1 is in the middle of apt", func() bool {
		return f.jobID(f.host(1)) != "" && strings.Contains(f.jobLog(f.host(1)), "waiting for the story")
	})
	p.says(f, `"event":"result".*"host":"web3"`)
	if early := f.jobID(f.host(2)); early != "" {
		t.Errorf("web2 has the job %s while apt is at work on web1", early)
	}
	f.put(f.host(1), goFile, "")
	<-p.ended
	if status := p.ProcessState.ExitCode(); status != 0 {
		t.Errorf("the exit status is %d, want 0: %s%s", status, p.out.String(), p.errs.String())
	}
	var ended []string
	for _, e := range lines[storyEvent](t, "event", p.out.String()) {
		switch e.Event {
		case "result":
			ended = append(ended, e.Host)
		case "batch begun":
			ended = append(ended, "|")
		}
	}
	if got := strings.Join(ended, " "); got != "| web4 | web3 web1 web2" {
		t.Errorf("the hosts ended as %s", got)
	}
}
