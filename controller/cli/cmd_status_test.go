package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// TestStatusOfManyHosts: of a thousand hosts, those that a person must look at are
// named, the worst first, and the others are numbers.
func TestStatusOfManyHosts(t *testing.T) {
	l := statusLine{ID: "R7", Phase: rollout.Open}
	for i := range 1000 {
		h := hostVerdict{Host: inventory.HostName(fmt.Sprintf("web%04d", i)), Verdict: rollout.HostDone.String()}
		switch {
		case i < 100:
			h.Verdict = rollout.HostRunning.String()
		case i == 500:
			h.Verdict, h.Cause = rollout.HostUnreachable.String(), "no route"
		case i == 600:
			h.Verdict, h.Cause = rollout.HostFailed.String(), "no database"
		case i == 700:
			h.Verdict, h.Cause = rollout.HostStuck.String(), "no way back"
		}
		l.Hosts = append(l.Hosts, h)
	}
	l.Summary = summaryLine{Done: 897, Running: 100, Failed: 1, Unreachable: 1, Stuck: 1}
	var text strings.Builder
	l.text(&text)
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	for i, want := range []string{"R7 ", "897 done, 1 failed, 1 unreachable, 1 stuck, 100 running", "web0700 ", "web0600 ", "web0500 ", "running: web0000, web0001, web0002, web0003, web0004, web0005, and 94 more"} {
		if len(lines) != 6 || !strings.HasPrefix(strings.TrimSpace(lines[i]), want) {
			t.Fatalf("line %d is not %q:\n%s", i+1, want, text.String())
		}
	}
}
