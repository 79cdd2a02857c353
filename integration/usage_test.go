package integration

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestExitStatuses is what a script sees that calls aptfleet: 2 for what cannot
// be meant, 1 for what cannot begin, 3 for what hosts could not do. The first
// two touch no host and leave nothing in the journal.
func TestExitStatuses(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Kind: lab.Light})
	for _, tt := range []struct {
		args   string
		status int
		says   string
	}{
		{"rollout shop --yes", 2, "--to"},
		{"rollout shop --to web", 2, "--yes"},
		{"rollout shop --to nosuch --yes", 2, "nosuch"},
		{"rollout shop --to web,!web1 --yes", 2, "web,!web1"},
		{"rollout --to web --yes", 2, "needs at least one package"},
		{"rollout Shop! --to web --yes", 2, "Shop!"},
		{"rollout shop=1_0 --to web --yes", 2, "shop=1_0"},
		{"rollout shop --to web --yes --mode upgrade", 2, `unknown mode "upgrade"`},
		{"rollout shop --to web --yes --mode dist-upgrade", 2, "takes no packages"},
		{"rollout shop --to web --yes --parallel -1", 2, "parallel"},
		{"rollout nosuch --to web --yes --suite stable", 1, "cannot roll out nosuch: suite stable does not have it"},
		{"rollout shop=9.9 --to web --yes --suite stable", 1, "cannot roll out shop=9.9: suite stable does not have it"},
		{"rollout shop --to web --yes --suite nightly", 1, "suite nightly does not have it"},
		{"rollout shop --to web --yes --suite nosuch", 1, "nosuch"},
		{"rollout shop --to web --yes --config nosuch.toml", 1, "nosuch.toml"},
		{"status", 0, ""},
		{"rollout nosuch --to web --yes", 3, ""},
		{"rollout shop=9.9 --to web --yes", 3, ""},
		{"status R3", 1, "R3"},
		{"logs R1 web2", 2, "web2 took no part in R1"},
	} {
		a := f.run(strings.Fields(tt.args)...)
		if a.status != tt.status || !strings.Contains(a.stderr, tt.says) {
			t.Errorf("%s, want status %d and %q", a, tt.status, tt.says)
		}
	}
	for id, cause := range map[string]string{"R1": "Unable to locate package nosuch", "R2": "Version '9.9' for 'shop' was not found"} {
		if got := f.do("status", id).end(t).host(t, "web1"); got.Verdict != "failed" || !strings.Contains(got.Cause, cause) {
			t.Errorf("%s ended as %+v, want %s", id, got, cause)
		}
	}
}
