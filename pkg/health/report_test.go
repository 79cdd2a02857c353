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
		},
	}
)

func TestWire(t *testing.T) {
	data, err := sample.Encode()
	if err != nil {
		t.Fatal(err)
	}
	const stored = `{"version":1,"boot":"c0ffee","at":"2026-11-23T12:00:00Z","packages":{"libc6:amd64":"2.36-9","shop-web":"1:1.2-1"},` +
		`"audit":"half configured:\n shop","results":[{"probe":"unit shop-web.service","ok":true,"since":"2026-11-23T11:59:00Z","output":"active (running)"},` +
		`{"probe":"tcp 127.0.0.1:80","ok":false,"output":"connection refused"}]}`
	if string(data) != stored {
		t.Errorf("Encode returned\n%s\nwant\n%s", data, stored)
	}
	received := noon.Add(time.Hour)
	got, err := Decode(data, received)
	want := sample
	want.Received = received
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Decode returned %v\n%s", err, diff)
	}
}

// report returns a report on the wire with more in it.
func report(more string) string {
	return `{"version":1,"boot":"b","at":"2026-11-23T12:00:00Z"` + more + `}`
}

func TestDecodeRefuses(t *testing.T) {
	result := `{"probe":"tcp a:%d","ok":true},`
	var many strings.Builder
	for i := range MaxProbes + 1 {
		fmt.Fprintf(&many, result, i)
	}
	for _, tt := range []struct{ name, data, want string }{
		{"nothing", "", "EOF"},
		{"newer", `{"version":2,"mood":1}`, "it has version 2, and this program reads up to 1"},
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
	f.Add([]byte(report(`,"results":[{"probe":"tcp a:1","ok":false,"output":"\u001b\ud800"}],"audit":"` + strings.Repeat("é", 600) + `"`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(data, noon)
		if err != nil {
			return
		}
		for _, result := range r.Results {
			if !shown(result.Output) || !shown(result.Probe) {
				t.Errorf("accepted %+v", result)
			}
		}
		if !shown(r.Audit) || !shown(r.Boot) {
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
