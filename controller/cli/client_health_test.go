package cli

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/controller/fleethealth"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// TestHealthLine: a page that a client writes is the one that the daemon would.
func TestHealthLine(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, want := range []fleethealth.Host{
		{Name: "well", Reported: noon, Unprobed: true, Facts: &health.Facts{Agent: "1.0", RebootRequired: true}},
		{Name: "silent", Silent: true, Trouble: "no route"},
		{
			Name: "bad", Reported: noon, Failures: []fleethealth.Failure{{Probe: "unit a.service", Since: noon, Output: "is failed"}, {Probe: "dpkg"}},
			Drift: []fleethealth.Drift{{Package: "shop", Want: "2"}}, Drifted: "R7",
			Facts: &health.Facts{Upgrades: &health.Upgrades{Pending: 3, Lists: time.Hour}},
		},
	} {
		sent, err := json.Marshal(newHealthLine(want))
		if err != nil {
			t.Fatal(err)
		}
		var l healthLine
		if err := json.Unmarshal(sent, &l); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, l.host()); diff != "" {
			t.Errorf("%s: %s", want.Name, diff)
		}
	}
}
