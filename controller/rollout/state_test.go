package rollout

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
)

func someSpec(hosts ...inventory.HostName) *Spec {
	return &Spec{
		Mode: Install, Packages: []Package{{Name: "shop-web", Version: "1.2-1"}}, Suite: "nightly",
		Selector: "web", Hosts: hosts, Policy: Policy{Parallel: 2}, Who: "ada", When: noon, Command: []string{"aptfleet", "rollout", "shop-web"},
	}
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// parseEvent reads one word of a sequence: "created", "taken2", "finished",
// "a:apt:doing" (host, step, status), "a=failed" (host, verdict), "a?done" (gate),
// "a@done" and "a@failed" (prefetch, the verdict if it is none), each
// with "#2" for the second attempt, and "batch-begun1".
func parseEvent(t *testing.T, word string) Event {
	t.Helper()
	word, attempt, _ := strings.Cut(word, "#")
	e := Event{At: noon, By: "c1", Attempt: 1}
	if attempt != "" {
		e.Attempt = atoi(t, attempt)
	}
	if host, verdict, ok := strings.Cut(word, "="); ok {
		e.Kind, e.Host, e.Verdict = KindResult, inventory.HostName(host), Verdict(verdict)
		return e
	}
	if parts := strings.Split(word, ":"); len(parts) == 3 {
		e.Kind, e.Host, e.Step, e.Status = KindStep, inventory.HostName(parts[0]), parts[1], Status(parts[2])
		return e
	}
	if host, status, ok := strings.Cut(word, "@"); ok {
		e.Kind, e.Host, e.Status = KindPrefetch, inventory.HostName(host), Done
		if status != string(Done) {
			e.Status, e.Verdict = Failed, Verdict(status)
		}
		return e
	}
	if host, status, ok := strings.Cut(word, "?"); ok {
		e.Kind, e.Host, e.Status = KindGate, inventory.HostName(host), Status(status)
		return e
	}
	kind := strings.TrimRight(word, "0123456789")
	e.Kind = Kind(strings.ReplaceAll(kind, "-", " "))
	switch e.Kind {
	case KindBatchBegun, KindBatchEnded, KindPaused:
		e.Batch = atoi(t, word[len(kind):])
	case KindCreated:
		e.Spec = someSpec("a", "b")
	case KindTaken:
		e.Term = atoi(t, word[len(KindTaken):])
	}
	return e
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestStateSequences applies events one after the other; "!" marks the one that
// must be refused, and must change nothing.
func TestStateSequences(t *testing.T) {
	for _, seq := range []string{
		"created finished",
		"created a:apt:doing a:apt:done a=done b=unreachable finished",
		"created a:apt:doing a:apt:failed a=failed finished",
		"created a:up:doing a:up:done a:apt:doing b:up:doing a:apt:done a=done",
		"taken2!", "finished!", "a:apt:doing!", "created created!",
		"created c:apt:doing!", "created c=done!",
		"created a:apt:done!", "created a=done!", "created a=running!", "created a=!",

		// a done host has no step that is not done, a returned one none that is
		"created a:apt:doing a=done!",
		"created a:apt:doing a:apt:failed a=done!",
		"created a:apt:doing a:apt:done a=returned!",
		"created a:apt:doing a:apt:done a=done a:apt:doing!", "created a:apt:doing a:apt:done a=done a:x:doing!",

		// undoing, the failed step too
		"created a:apt:doing a:apt:failed a=failed a:apt:undoing a:apt:undone a=returned",
		"created a:apt:doing a:apt:failed a=failed a:apt:undoing a:apt:stuck a=stuck a:apt:undoing a:apt:undone a=returned",
		"created a:up:doing a:up:done a:apt:doing a:apt:failed a:apt:undoing a:apt:undone a=returned!",

		// said again changes nothing
		"created a:apt:doing a:apt:doing a:apt:done a:apt:done a=done a=done",
		"created a:apt:doing a:apt:done a=done a=failed!",

		// another controller goes on
		"created a:apt:doing taken2 a:apt:doing a:apt:done a=done finished",
		"created taken3!", "created taken2 taken2!", "created taken2 taken3",
		"created finished a:apt:doing!", "created finished a=failed!", "created finished finished!",
		"created finished taken2 a:apt:doing",

		// another attempt begins with the step that failed
		"created a:up:doing a:up:done a:apt:doing a:apt:failed a=failed finished taken2 a:apt:doing#2 a:apt:done#2 a=done#2 finished",
		"created a=unreachable a=unreachable#2 a=unreachable#3",
		"created a:up:doing a:up:done a:apt:doing a=unknown a:up:doing#2!",
		"created a:apt:doing a:apt:doing#2!", "created a:apt:doing#2!", "created a=unreachable a:apt:doing#3!",
		"created a:apt:doing a:apt:done a=done a:apt:doing#2!",
		"created a=unreachable a:apt:doing#2 a=failed#1!",
		"created a:apt:doing a=unknown a:apt:doing#2 a:apt:done#2 a=done#2",

		// gates
		"created a:apt:doing a:apt:done a=done a?done a?done finished",
		"created a:apt:doing a:apt:done a=done a?failed a?done!",
		"created a?done!", "created a:apt:doing a?failed!", "created a:apt:doing a:apt:done a=done a?doing!", "created a=unreachable a?failed!",
		"created a:apt:doing a:apt:done a=done a?failed a?failed retried a?done#2",
		"created a:apt:doing a:apt:done a=done a?done a?failed a?failed a?done! a=done! retried a?done#2 a?failed#2",
		"created a:apt:doing a:apt:done a=done a?done a?doing!", "created a:apt:doing a:apt:done a=done a?done rollback a:apt:undoing a?failed!",
		"created a:apt:doing a:apt:done a=done a?done a?failed a:apt:doing!", "created a:apt:doing a:apt:done a=done a?done a?failed rollback a:apt:undoing a:apt:undone a=returned",
		"created a:apt:doing a:apt:done a=done a?done a?failed a:apt:doing#2!", "created a:apt:doing a:apt:done a=done a?done a?failed#2!",

		// prefetch
		"created a@done a@done a:apt:doing", "created a@failed a@failed a:apt:doing!", "created a@done a@failed!",
		"created a@stuck!", "created a@running!", "created a:apt:doing a@done!", "created a=unreachable a@done!",
		"created a@unreachable retried a@done#2 a:apt:doing#2", "created a@unreachable a@done#2",

		// the course of the whole
		"created batch-begun1 batch-ended1 finished",
		"created batch-begun0!", "created batch-begun2!", "created batch-ended1!", "created batch-begun1 batch-begun1!", "created batch-begun1 batch-ended1 batch-begun1!",
		"created paused0 paused0!", "created paused0 batch-begun1!", "created paused0 continued batch-begun1", "created continued!", "created paused1!", "created batch-begun1 paused1!",
		"created stopped stopped!", "created stopped batch-begun1!", "created aborted aborted!", "created aborted batch-begun1!", "created stopped aborted finished",
		"created rollback batch-begun1!", "created rollback retried!", "created stopped rollback rollback finished",
		"created finished retried!", "created finished taken2 retried finished", "created stopped retried batch-begun1", "created batch-begun1 retried batch-begun1",
		"created a:apt:doing a=unknown retried a=unreachable!", "created a:apt:doing a=unknown retried a:apt:doing#2 a:apt:failed#2 a=failed#2 retried a:apt:doing#3",
		"created approved!", "created planned!",
	} {
		t.Run(seq, func(t *testing.T) { play(t, seq) })
	}
}

func play(t *testing.T, seq string) *State {
	t.Helper()
	s := new(State)
	for word := range strings.FieldsSeq(seq) {
		word, refused := strings.CutSuffix(word, "!")
		before := snapshot(t, s)
		err := s.Apply(parseEvent(t, word))
		if (err != nil) != refused {
			t.Fatalf("%s: Apply returned %v, refusal wanted: %v", word, err, refused)
		}
		if refused && snapshot(t, s) != before {
			t.Fatalf("%s: a refused event changed the state", word)
		}
	}
	return s
}

func snapshot(t *testing.T, s *State) string {
	t.Helper()
	data, err := json.Marshal(struct {
		*State
		All []HostState
	}{s, s.Hosts()})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestSummary(t *testing.T) {
	for _, tt := range []struct {
		seq  string
		want Summary
		exit int
	}{
		{"created", Summary{NotStarted: 2}, ExitSomeFailed},
		{"created a:x:doing", Summary{Running: 1, NotStarted: 1}, ExitSomeFailed},
		{"created a:x:doing a:x:done a=done b=unreachable", Summary{Done: 1, Unreachable: 1}, ExitSomeFailed},
		{"created a:x:doing a:x:done a=done b:x:doing b:x:done b=done", Summary{Done: 2}, ExitDone},
		{"created a:x:doing a=unknown b:x:doing b:x:failed b=failed", Summary{Unknown: 1, Failed: 1}, ExitSomeFailed},
		{"created a:x:doing a:x:undoing a:x:undone a=returned b:x:doing b:x:undoing b:x:stuck b=stuck", Summary{Returned: 1, Stuck: 1}, ExitStuck},
		{"created a:x:doing a:x:undoing a:x:undone a=returned b:x:doing b:x:undoing b:x:undone b=returned", Summary{Returned: 2}, ExitReturned},
	} {
		got := play(t, tt.seq).Summary()
		if got != tt.want || got.ExitStatus() != tt.exit || got.Total() != 2 {
			t.Errorf("%s: %+v of %d with exit status %d, want %+v and %d", tt.seq, got, got.Total(), got.ExitStatus(), tt.want, tt.exit)
		}
	}
}

// TestFirstUndoStays: whoever resumes prepares again on a host that may be
// half changed by then.
func TestFirstUndoStays(t *testing.T) {
	s := play(t, "created")
	for _, undo := range []string{`{"from":"1.0"}`, `{"from":"2.0"}`} {
		e := parseEvent(t, "a:apt:doing")
		e.Undo = json.RawMessage(undo)
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	host, _ := s.Host("a")
	if got := host.Step("apt").Undo; len(got) != 1 || string(got[0].Record) != `{"from":"1.0"}` {
		t.Errorf("the undo records are %v, want the first", got)
	}
}

func TestRetryKeepsWhatIsDone(t *testing.T) {
	s := play(t, "created a:up:doing a:up:done a:apt:doing a:apt:failed a=failed a:apt:doing#2")
	host, _ := s.Host("a")
	want := []StepState{
		{Name: "up", Status: Done, Attempt: 1, Undo: []UndoRecord{{Attempt: 1}}},
		{Name: "apt", Status: Doing, Attempt: 2, Undo: []UndoRecord{{Attempt: 1}, {Attempt: 2}}},
	}
	if !reflect.DeepEqual(host.Steps, want) || host.Attempt != 2 || host.Verdict != HostRunning || host.Cause != "" {
		t.Errorf("after the retry began the host is %+v", host)
	}
}

// TestAttemptOf: whoever resumes or finds out attaches to the job that there is,
// whoever tries again has another, and so has the way back, at whatever point
// the controller that goes it died.
func TestAttemptOf(t *testing.T) {
	for _, tt := range []struct {
		seq  string
		want int
	}{
		{"created", 1},
		{"created a:apt:doing taken2", 1},
		{"created a:apt:doing a:apt:failed a=failed retried", 2},
		{"created a:apt:doing a=unknown retried", 1},
		{"created a:apt:doing a=unknown retried a:apt:doing#2", 1},
		{"created a:apt:doing a=unknown retried a:apt:doing#2 a:apt:failed#2 a=failed#2 retried", 3},
		{"created a:apt:doing a=unknown retried rollback", 2},
		{"created a:apt:doing a=unknown retried rollback a:apt:undoing#2", 2},
		{"created a:apt:doing a:apt:done a=done rollback a:apt:undoing a=unknown rollback", 1},
		{"created a:apt:doing a:apt:done a=done rollback a:apt:undoing a:apt:stuck a=stuck rollback", 2},
	} {
		if a, _ := play(t, tt.seq).Host("a"); a.AttemptOf("apt") != tt.want {
			t.Errorf("%s: attempt %d, want %d", tt.seq, a.AttemptOf("apt"), tt.want)
		}
	}
}
