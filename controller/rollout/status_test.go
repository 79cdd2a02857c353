package rollout

import (
	"strings"
	"testing"
)

// TestStatusSequences walks a step through its statuses; "!" marks the one that
// must be refused.
func TestStatusSequences(t *testing.T) {
	for _, seq := range []string{
		"doing done",
		"doing doing done",
		"doing failed undoing undone",
		"doing undoing undone",
		"doing done undoing undoing undone",
		"doing undoing stuck undoing undone",
		"done!", "failed!", "undoing!", "undone!", "stuck!",
		"doing undone!", "doing stuck!",
		"doing done doing!", "doing done failed!", "doing done done!",
		"doing failed done!", "doing failed doing!",
		"doing undoing done!", "doing undoing doing!",
		"doing undoing undone undoing!", "doing undoing undone doing!",
		"doing undoing stuck undone!",
	} {
		walk(t, seq, Pending, Status.To)
	}
}

func TestVerdictSequences(t *testing.T) {
	for _, seq := range []string{
		"running done",
		"running running failed",
		"running unknown running returned",
		"running done running stuck running returned",
		"unreachable", "failed", "unknown",
		"done", "returned!", "stuck!",
		"running done done!", "running done failed!", "running done returned!",
		"running returned running!",
	} {
		walk(t, seq, HostNotStarted, Verdict.To)
	}
}

// walk goes from start through the words of seq and expects to be refused
// exactly where a word ends in "!".
func walk[S ~string](t *testing.T, seq string, start S, to func(S, S) bool) {
	t.Helper()
	at := start
	for word := range strings.FieldsSeq(seq) {
		name, refused := strings.CutSuffix(word, "!")
		if got := to(at, S(name)); got == refused {
			t.Errorf("%q: from %q to %q is allowed: %v", seq, at, name, got)
		}
		at = S(name)
	}
}
