package fleethealth

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// words is what a host would say to get more than words onto a terminal.
var words = []string{
	"\x1b[2J\x1b]0;root@shop\a", "\u009b31m", "\x90q\x9c", "a\rb", "a\bb", "\v\f\x00\x7f", "\u202egpj.exe", "\u2066\u200f\u061c", "\u2028\u2029\u0085",
	"\ufeff\u200b", "\xff\xfe\xc0\x80", "\nSILENT\n  no report\n    db1", strings.Repeat("a", 4000), strings.Repeat("\n", 4000), strings.Repeat("\u202e", 4000),
}

// saying is a report that says the words wherever a host has a say.
func saying(said string) []byte {
	quoted, err := json.Marshal("bad" + said)
	if err != nil {
		panic(err) // it is a string
	}
	text := string(quoted)
	return []byte(`{"version":2,"boot":"b","at":"2026-11-23T05:59:59Z","audit":` + text + `,"packages":{"shop":"1` + strings.Repeat("0", len(said)) + `"},` +
		`"results":[{"probe":"unit shop.service","ok":false,"since":"0001-01-01T00:00:01Z","output":` + text + `},` +
		`{"probe":"package shop","ok":false,"output":"x\n` + text[1:] + `}],"facts":{"agent":"1"}}`)
}

// hostilePage is the page of a host whose report was taken from the network, beside
// one that is healthy; it is empty where the report was refused.
func hostilePage(data []byte) string {
	r, err := health.Decode(data, now)
	if err != nil {
		return ""
	}
	k := Known{Name: "web1", Probes: probes, Report: &r, Installed: rollout.Versions{"shop": "2.0"}, InstalledBy: "R7"}
	var page bytes.Buffer
	Write(&page, []Host{Judge(k, now, patience), Judge(well("web2"), now, patience)}, now)
	return page.String()
}

// steers returns what in a page is more than lines of words, "" if nothing is.
func steers(page string) string {
	bad := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
	switch i := strings.IndexFunc(page, bad); {
	case !utf8.ValidString(page):
		return "it is not UTF-8"
	case i >= 0:
		return "it has " + strings.TrimSpace(page[i:min(i+8, len(page))])
	case strings.Count(page, "\nSILENT\n") > 0:
		return "it shows a host as silent"
	case strings.Count(page, "\n") > 20 || len(page) > 4<<10:
		return "it is no page any more"
	}
	return ""
}

// TestHostileWords: whatever a host says, the page is what it is without, and has
// it in its place.
func TestHostileWords(t *testing.T) {
	plain := strings.Count(hostilePage(saying("")), "\n")
	for _, said := range words {
		page := hostilePage(saying(said))
		if page == "" || steers(page) != "" || strings.Count(page, "\n") != plain {
			t.Errorf("%.40q: %s, or the report was refused, or there are other lines:\n%.2000q", said, steers(page), page)
		}
	}
}

// FuzzWrite: no report makes the page anything but lines of words.
func FuzzWrite(f *testing.F) {
	for _, said := range words {
		f.Add(saying(said))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if how := steers(hostilePage(data)); how != "" {
			t.Errorf("%s, of the report %.4000q", how, data)
		}
	})
}
