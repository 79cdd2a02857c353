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

// TestStatusOfOneFault: where very many hosts failed in the same way, that is said
// once, with some of their names; what a single host has beside it is not lost.
func TestStatusOfOneFault(t *testing.T) {
	l := statusLine{ID: "R7", Phase: rollout.Finished, Summary: summaryLine{Failed: 1000}}
	for i := range 1000 {
		h := hostVerdict{Host: inventory.HostName(fmt.Sprintf("web%04d", i)), Verdict: rollout.HostFailed.String(), Cause: "no such package"}
		if i == 400 {
			h.Cause = "no database"
		}
		l.Hosts = append(l.Hosts, h)
	}
	var text strings.Builder
	l.text(&text)
	want := `  999 hosts                failed       no such package
    web0000, web0001, web0002, web0003, web0004, web0005, and 993 more
  web0400                  failed       no database
`
	if got := text.String(); !strings.HasSuffix(got, "1000 failed\n"+want) {
		t.Errorf("the status is\n%s\nwant at its end\n%s", got, want)
	}
}

// TestStatusTellsTheCourse: the status says by itself how far a rollout has come,
// and what ended it before its time.
func TestStatusTellsTheCourse(t *testing.T) {
	stop := &rollout.Halt{By: "ada@deploy (7)", Cause: "2 of 9 hosts failed, and 1 may"}
	for _, tt := range []struct {
		phase  rollout.Phase
		course rollout.Course
		want   string
	}{
		{rollout.Open, rollout.Course{}, ""},
		{rollout.Open, rollout.Course{Batch: 2, InBatch: true}, "batch 2 of 3\n"},
		{rollout.Open, rollout.Course{Batch: 2, Stopped: stop}, "stopped in batch 2 of 3: 2 of 9 hosts failed, and 1 may\n"},
		{rollout.Finished, rollout.Course{Batch: 3}, ""},
		{rollout.Finished, rollout.Course{Batch: 2, Stopped: stop}, "stopped in batch 2 of 3: 2 of 9 hosts failed, and 1 may\n"},
		{rollout.Finished, rollout.Course{Stopped: stop}, "stopped before the first of 3 batches: 2 of 9 hosts failed, and 1 may\n"},
		{rollout.Finished, rollout.Course{Batch: 2, Aborted: &rollout.Halt{By: "bob", Cause: "asked for"}}, "aborted in batch 2 of 3 by bob: asked for\n"},
		{rollout.Open, rollout.Course{Batch: 2, Stopped: stop, Returning: true, Because: stop.Cause}, "stopped in batch 2 of 3: 2 of 9 hosts failed, and 1 may\nhosts are being rolled back\n"},
		{rollout.Finished, rollout.Course{Batch: 2, Returning: true, Because: "asked for"}, "hosts were rolled back: asked for\n"},
	} {
		state := &rollout.State{Phase: tt.phase, Course: tt.course}
		state.Spec.Hosts = []inventory.HostName{"a", "b", "c"}
		state.Spec.Policy.Batches = []rollout.Amount{rollout.Hosts(1)}
		var text strings.Builder
		newStatusLine("R7", state).text(&text)
		if _, got, _ := strings.Cut(strings.SplitN(text.String(), "\n", 2)[1], "\n"); got != tt.want {
			t.Errorf("of %+v the status says %q, want %q", tt.course, got, tt.want)
		}
	}
}
