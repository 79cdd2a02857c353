package deb

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const twoEntries = `shop (2.0) stable testing; urgency=medium

  * Second.

 -- A <a@example.com>  Tue, 24 Nov 2026 12:00:00 +0100

shop (1:1.0-1) stable; urgency=medium, binary-only=yes

  [ B ]
  * First.

 -- B <b@example.com>  Mon,  2 Nov 2026 12:00:00 +0000
`

func TestParseChangelog(t *testing.T) {
	got, err := parseChangelog(twoEntries)
	if err != nil {
		t.Fatal(err)
	}
	want := []release{
		{"shop", "2.0", time.Date(2026, 11, 24, 11, 0, 0, 0, time.UTC), 0},
		{"shop", "1:1.0-1", time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC), strings.Index(twoEntries, "shop (1:")},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(release{}), cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestParseChangelogRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "no entry"},
		{"prose", "Release 1.0\n", "line 1 "},
		{"no end", "shop (1.0) stable; urgency=low\n\n  * x\n", "ends within"},
		{"no end before the next", "shop (1.1) stable; urgency=low\nshop (1.0) stable; urgency=low\n", "line 2 "},
		{"no version", "shop stable; urgency=low\n", "line 1 "},
		{"bad version", "shop (x) stable; urgency=low\n", "not a version"},
		{"no date", "shop (1.0) stable; urgency=low\n -- A <a@example.com>\n", "line 2 "},
		{"date of another form", "shop (1.0) stable; urgency=low\n -- A <a@example.com>  2026-11-23\n", "line 2 "},
	} {
		_, err := parseChangelog(tt.text)
		checkError(t, tt.name, err, tt.want)
	}
}

// TestHistory says which part of the changelog a version's package has.
// dpkg-parsechangelog must read each of them as that version's.
func TestHistory(t *testing.T) {
	needs(t, "dpkg-parsechangelog")
	for _, tt := range []struct{ version, changelog, want string }{
		{"2.0", "changelog", twoEntries},
		{"1:1.0-1", "changelog", twoEntries[strings.Index(twoEntries, "shop (1:"):]},
		{"3.0", "changelog", "shop (3.0) unstable; urgency=medium\n\n  * Build of version 3.0.\n\n -- A <a@example.com>  Tue, 14 Nov 2023 22:13:20 +0000\n\n" + twoEntries},
		{"3.0", "", "shop (3.0) unstable; urgency=medium\n\n  * Build of version 3.0.\n\n -- A <a@example.com>  Tue, 14 Nov 2023 22:13:20 +0000\n"},
	} {
		t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
		r, err := parseRecipe("shop.toml", []byte(testRecipe))
		if err != nil {
			t.Fatal(err)
		}
		r.dir, r.Version, r.Changelog = t.TempDir(), tt.version, tt.changelog
		writeFile(t, r.dir+"/changelog", twoEntries)
		h, err := r.history(newTree())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, h.changelog); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.version, diff)
		}
		cmd := exec.Command("dpkg-parsechangelog", "-l-", "-SVersion")
		cmd.Stdin = strings.NewReader(h.changelog)
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != tt.version {
			t.Errorf("dpkg-parsechangelog says %q, %v of version %s", out, err, tt.version)
		}
	}
}

// FuzzChangelog holds that every entry begins where it is said to.
func FuzzChangelog(f *testing.F) {
	f.Add(twoEntries)
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parseChangelog(text)
		if err != nil {
			return
		}
		for _, e := range entries {
			if !strings.HasPrefix(text[e.offset:], e.name+" ("+e.version+")") {
				t.Errorf("entry %+v does not begin at its offset", e)
			}
		}
	})
}
