package rollout

import (
	"strings"
	"testing"
)

// TestWatched: hosts that are well are watched as long as that has consequences.
func TestWatched(t *testing.T) {
	for _, tt := range []struct {
		policy, script string
		want           string
	}{
		{"1 gate", "", ""},
		{"1 gate", "a=done", ""},
		{"1 gate", "a=done a?done", "a"},
		{"1 gate pause", "a=done a?done", "a"},
		{"1 gate confirm", "a=done a?done crash taken2 resume", "a"},
		{"1 gate", "a=done a?done b=done b?done c=doing", "a b"},
		{"1 gate", "a=done a?done b=done b?done a?failed c=doing", "b"},
		{"1", "a=done b=done", ""},
		{"1 gate", "a=done a?done aborted", ""},
		{"2 gate <0", "a=done a?done b=failed", ""},
		{"1 gate", "a=done a?done taken2 rollback", ""},
		{"gate", "a=done a?done b=failed c=done c?done", ""},
		{"gate", "a=done a?done b=failed c=done c?done taken2 retried b=done", "a c"},
	} {
		c := newCourse(t, tt.policy, "a b c")
		c.play(tt.script)
		var watched []string
		for _, h := range c.state.Hosts() {
			if c.state.Watched(h.Name) {
				watched = append(watched, string(h.Name))
			}
		}
		if got := strings.Join(watched, " "); got != tt.want {
			t.Errorf("%q after %s: %q are watched, want %q", tt.policy, tt.script, got, tt.want)
		}
	}
	if new(State).Watched("a") || newCourse(t, "gate", "a").state.Watched("x") {
		t.Error("a host that takes no part is watched")
	}
}
