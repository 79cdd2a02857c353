package didyoumean

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	keys := []string{"user", "port", "identity", "connect_timeout", "hosts"}
	for _, tt := range []struct{ word, want string }{
		{"prot", "port"},
		{"usr", "user"},
		{"host", "hosts"},
		{"identiy", "identity"},
		{"conect_timeuot", "connect_timeout"},
		{"", ""},
		{"x", ""},
		{"zzzz", ""},
		{"portability", ""},
	} {
		if got := Nearest(tt.word, slices.Values(keys)); got != tt.want {
			t.Errorf("Nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestHint(t *testing.T) {
	if got, want := Hint("prot", slices.Values([]string{"port"})), ` (did you mean "port"?)`; got != want {
		t.Errorf("Hint = %q, want %q", got, want)
	}
	if got := Hint("nothing", slices.Values([]string{"port"})); got != "" {
		t.Errorf("Hint = %q where nothing is near", got)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"abc", "abc", 0},
		{"abc", "acb", 1}, {"abc", "abd", 1}, {"abcd", "bcd", 1}, {"kitten", "sitting", 3},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
