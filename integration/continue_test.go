package integration

import (
	"strings"
	"testing"
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
