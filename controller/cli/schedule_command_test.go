package cli

import (
	"strings"
	"testing"
)

// TestScheduledWords: what a schedule runs is read as a command line is, when the
// configuration is, and what cannot roll out by itself is refused.
func TestScheduledWords(t *testing.T) {
	a := &app{}
	for _, c := range a.root().Commands() {
		if _, err := a.parseScheduleCommand([]string{c.Name(), "shop", "--to", "web"}); (err == nil) != (c.Name() == "rollout") {
			t.Errorf("a schedule that runs %q: %v", c.Name(), err)
		}
	}
	for _, tt := range []struct{ words, want string }{ // "" is taken
		{"shop --to web", ""},
		{"shop=1.0 mod --to web,!web1 --suite nightly --batches 1,10% --on-failure rollback --yes", ""},
		{"--mode dist-upgrade --to all --reboot if-required", ""},
		{"shop", "say with --to"},
		{"shop --to", "needs an argument"},
		{"shop --to=", "say with --to"},
		{"shop --ot web", "unknown flag: --ot"},
		{"shop --to web --parallel many", "invalid"},
		{"shop --to web --dry-run", "rolls nothing out"},
		{"shop --to web --help", "--help rolls nothing out"},
		{"shop --to web -h", "--help rolls nothing out"},
		{"shop --to web --config other.toml", "unknown flag"},
		{"shop --to web --json", "unknown flag"},
		{"shop --to web --quiet", "unknown flag"},
	} {
		_, err := a.parseScheduleCommand(append([]string{"rollout"}, strings.Fields(tt.words)...))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%q: %v, want %q", tt.words, err, tt.want)
		}
	}
}
