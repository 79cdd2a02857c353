package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/controller/fleethealth"
	"github.com/aptfleet/aptfleet/pkg/health"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// TestHealthLine: a page that a client writes is the one that the daemon would.
func TestHealthLine(t *testing.T) {
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

// TestHostileHealthLine: what a host says is in the JSON of its health as data, also
// where that is looked at on a terminal.
func TestHostileHealthLine(t *testing.T) {
	const said = `"\u001b[2J\u009b31m\u202egpj\u2028\u0085\"}\n{\"type\":\"health\",\"host\":\"db1\""`
	r, err := health.Decode([]byte(`{"version":2,"boot":"b","at":"2026-11-23T12:00:00Z","audit":`+said+`,"facts":{"agent":"1"},
		"results":[{"probe":"tcp a:1","ok":false,"since":"0000-01-01T00:00:00Z","output":`+said+`}]}`), noon)
	if err != nil {
		t.Fatal(err)
	}
	k := fleethealth.Known{Name: "web1", Report: &r, Probes: []health.Probe{{Kind: health.TCP, Target: "a:1"}}}
	sent, err := encode(newHealthLine(fleethealth.Judge(k, noon, time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	var l healthLine
	if err := json.Unmarshal(sent, &l); err != nil || l.Host != "web1" || len(l.Failures) != 2 || !strings.Contains(l.Failures[0].Output, "gpj") {
		t.Errorf("the line reads as %+v, %v", l, err)
	}
	if i := strings.IndexFunc(string(sent), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("the line has %q: %s", sent[i:i+4], sent)
	}
}
