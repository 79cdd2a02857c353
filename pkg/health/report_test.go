package health

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var (
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	sample = Report{
		Boot: "c0ffee", At: noon, Packages: map[string]string{"shop-web": "1:1.2-1", "libc6:amd64": "2.36-9"}, Audit: "half configured:\n shop",
		Results: []Result{
			{Probe: "unit shop-web.service", OK: true, Since: noon.Add(-time.Minute), Output: "active (running)"},
			{Probe: "tcp 127.0.0.1:80", Output: "connection refused"},
			{Probe: "clock skew", OK: true, Output: "is 0s ahead, and may be 2s", MaxSkew: 2 * time.Second},
		},
		Facts: &Facts{
			Agent: "0.1.0", Upgrades: &Upgrades{Pending: 12, Security: 3, Lists: time.Hour}, RebootRequired: true,
			Memory: 4 << 30, Available: 1 << 30,
		},
	}
)

func TestWire(t *testing.T) {
	data, err := sample.Encode()
	if err != nil {
		t.Fatal(err)
	}
	const stored = `{"version":2,"boot":"c0ffee","at":"2026-11-23T12:00:00Z","packages":{"libc6:amd64":"2.36-9","shop-web":"1:1.2-1"},` +
		`"audit":"half configured:\n shop","results":[{"probe":"unit shop-web.service","ok":true,"since":"2026-11-23T11:59:00Z","output":"active (running)"},` +
		`{"probe":"tcp 127.0.0.1:80","ok":false,"output":"connection refused"},` +
		`{"probe":"clock skew","ok":true,"output":"is 0s ahead, and may be 2s","max_skew_ms":2000}],` +
		`"facts":{"agent":"0.1.0","upgrades":{"pending":12,"security":3,"lists_age_s":3600},"reboot_required":true,"memory":4294967296,"available":1073741824}}`
	if string(data) != stored {
		t.Errorf("Encode returned\n%s\nwant\n%s", data, stored)
	}
	got, err := Decode(data, noon)
	want := sample
	want.Received = noon
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Decode returned %v\n%s", err, diff)
	}
}

// TestDecodeOld reads what a program of version 1 sent.
func TestDecodeOld(t *testing.T) {
	got, err := Decode([]byte(`{"version":1,"boot":"b","at":"2026-11-23T12:00:00Z","packages":{"shop":"1"},"results":[{"probe":"tcp a:1","ok":true}]}`), noon)
	want := Report{Boot: "b", At: noon, Received: noon, Packages: map[string]string{"shop": "1"}, Results: []Result{{Probe: "tcp a:1", OK: true}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Decode returned %v\n%s", err, diff)
	}
}

// TestClock holds that the reader judges a host's clock, whatever the host says.
func TestClock(t *testing.T) {
	data, err := sample.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		received time.Time
		ok       bool
		output   string
	}{
		{noon.Add(2 * time.Second), true, "is 2s behind, and may be 2s"},
		{noon.Add(2001 * time.Millisecond), false, "is 2.001s behind, and may be 2s"},
		{noon.AddDate(0, 0, -1), false, "is 24h0m0s ahead, and may be 2s"},
		{noon.AddDate(0, 0, -1).Add(2 * time.Millisecond), false, "is 24h0m0s ahead, and may be 2s"},
	} {
		r, err := Decode(data, tt.received)
		if got, _ := r.Result("clock skew"); err != nil || got.OK != tt.ok || got.Output != tt.output || got.MaxSkew != 2*time.Second {
			t.Errorf("received at %v: %+v, %v", tt.received, got, err)
		}
	}
}

// report returns a report on the wire with more in it.
func report(more string) string {
	return `{"version":2,"boot":"b","at":"2026-11-23T12:00:00Z"` + more + `}`
}

func TestDecodeRefuses(t *testing.T) {
	result := `{"probe":"tcp a:%d","ok":true},`
	var many strings.Builder
	for i := range MaxProbes + 1 {
		fmt.Fprintf(&many, result, i)
	}
	for _, tt := range []struct{ name, data, want string }{
		{"nothing", "", "EOF"},
		{"newer", `{"version":3,"mood":1}`, "it has version 3, and this program reads up to 2"},
		{"no version", `{"boot":"b"}`, "it has version 0"},
		{"unknown key", report(`,"mood":1`), `unknown field "mood"`},
		{"two", report("") + "{}", "something follows it"},
		{"no boot", `{"version":1,"at":"2026-11-23T12:00:00Z"}`, `"" is no boot id`},
		{"boot that steers", `{"version":1,"boot":"\u001b[2J","at":"2026-11-23T12:00:00Z"}`, "is no boot id"},
		{"no time", `{"version":1,"boot":"b"}`, "when it was made"},
		{"bad package", report(`,"packages":{"-x":"1"}`), "is not a package name"},
		{"bad version", report(`,"packages":{"shop":"1 2"}`), "version"},
		{"nameless", report(`,"results":[{"probe":"","ok":true}]`), "no name of a probe"},
		{"twice", report(`,"results":[` + fmt.Sprintf(result, 1) + strings.TrimSuffix(fmt.Sprintf(result, 1), ",") + `]`), "or there twice"},
		{"name that steers", report(`,"results":[{"probe":"tcp \u001b","ok":true}]`), "no name of a probe"},
		{"too many", report(`,"results":[` + strings.TrimSuffix(many.String(), ",") + `]`), "65 results and 0 packages"},
		{"skew of another", report(`,"results":[{"probe":"tcp a:1","ok":true,"max_skew_ms":1}]`), "cannot have a skew"},
		{"endless skew", report(`,"results":[{"probe":"clock skew","ok":true,"max_skew_ms":3600001}]`), "cannot have a skew"},
		{"agent that steers", report(`,"facts":{"agent":"\u001b[2J"}`), "is no version of an agent"},
		{"long agent", report(`,"facts":{"agent":"` + strings.Repeat("1", 65) + `"}`), "is no version of an agent"},
		{"more than all memory", report(`,"facts":{"agent":"1","memory":1,"available":2}`), "memory cannot be available"},
		{"negative memory", report(`,"facts":{"agent":"1","memory":-1,"available":-1}`), "memory cannot be available"},
		{"more than all upgrades", report(`,"facts":{"agent":"1","upgrades":{"pending":1,"security":2}}`), "upgrades cannot be"},
		{"negative age", report(`,"facts":{"agent":"1","upgrades":{"pending":1,"security":0,"lists_age_s":-1}}`), "upgrades cannot be"},
		{"unknown fact", report(`,"facts":{"mood":1}`), `unknown field "mood"`},
		{"too long", report(`,"audit":"` + strings.Repeat("x", MaxReport) + `"`), "are the most"},
	} {
		if _, err := Decode([]byte(tt.data), noon); err == nil || !strings.HasPrefix(err.Error(), "cannot decode report: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Decode returned %v, want %s", tt.name, err, tt.want)
		}
	}
	if _, err := (&Report{Boot: "b"}).Encode(); err == nil {
		t.Error("Encode returned what Decode would refuse")
	}
}

func TestText(t *testing.T) {
	long := strings.Repeat("é", MaxOutput)
	for _, tt := range []struct{ said, want string }{
		{" all well\n", "all well"},
		{"no room" + strings.Repeat("\n", MaxOutput), "no room"},
		{"one\ntwo\ttabs\r\n", `one` + "\n" + `two\ttabs`},
		{"\x1b[2J\x00\xff", `\x1b[2J\x00` + "\uFFFD"},
		{long, "…" + long[:2*((MaxOutput-3)/2)]},
	} {
		if got := Text(tt.said); got != tt.want && tt.said != long || len(got) > MaxOutput {
			t.Errorf("Text(%q) = %q, want %q", tt.said, got, tt.want)
		}
	}
}

// TestSince holds that a host's wrong clock does not matter.
func TestSince(t *testing.T) {
	wrong := noon.AddDate(-30, 0, 0)
	r := Report{At: wrong, Received: noon}
	for _, tt := range []struct{ since, want time.Time }{
		{time.Time{}, time.Time{}},
		{wrong.Add(-time.Minute), noon.Add(-time.Minute)},
		{wrong, noon},
		{wrong.Add(time.Minute), time.Time{}},
	} {
		if got := r.Since(Result{Since: tt.since}); !got.Equal(tt.want) {
			t.Errorf("Since(%v) = %v, want %v", tt.since, got, tt.want)
		}
	}
}

// FuzzDecode holds that what is accepted is within bounds, printable, and
// encodes to what reads the same.
func FuzzDecode(f *testing.F) {
	data, err := sample.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"version":2,"` + strings.Repeat("\\u001b", MaxReport/8) + `":1}`))
	f.Add([]byte(report(`,"results":[{"probe":"tcp a:1","ok":false,"output":"\u001b\ud800"}],"audit":"` + strings.Repeat("é", 600) + `"`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(data, noon)
		if err != nil {
			if !shown(err.Error()) {
				t.Errorf("refused with %q", err)
			}
			return
		}
		for _, result := range r.Results {
			if !shown(result.Output) || !shown(result.Probe) {
				t.Errorf("accepted %+v", result)
			}
		}
		if !shown(r.Audit) || !shown(r.Boot) || r.Facts != nil && !shown(r.Facts.Agent) {
			t.Errorf("accepted %+v", r)
		}
		again, err := r.Encode()
		if err != nil {
			t.Fatalf("cannot encode what was decoded: %v", err)
		}
		back, err := Decode(again, noon)
		if diff := cmp.Diff(r, back); diff != "" || err != nil {
			t.Errorf("it reads otherwise the second time: %v\n%s", err, diff)
		}
	})
}

func shown(s string) bool {
	bad := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
	return len(s) <= MaxOutput && utf8.ValidString(s) && !strings.ContainsFunc(s, bad)
}
