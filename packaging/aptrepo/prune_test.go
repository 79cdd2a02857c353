package aptrepo

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPrune(t *testing.T) {
	f := newFixture(t)
	start := time.Now()
	f.now = func() time.Time { return start }
	for i := range 5 {
		f.publish("nightly", writeDeb(t, "app", fmt.Sprintf("1.%d", i+7), "amd64", ""), writeDeb(t, "docs", fmt.Sprintf("2.%d", i), "all", ""))
	}
	if err := f.Promote(t.Context(), "app", "1.8", "nightly", "stable"); err != nil {
		t.Fatal(err)
	}
	needed := func(p Package) bool { return p.Name == "app" && p.Version == "1.7" }

	pruned, err := f.Prune(t.Context(), 2, needed)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.has("nightly"), "app_1.7_amd64 app_1.10_amd64 app_1.11_amd64 docs_2.3_all docs_2.4_all"; got != want {
		t.Errorf("nightly has %q, want %q", got, want)
	}
	if f.has("stable") != "app_1.8_amd64" || len(pruned.Packages) != 5 || len(pruned.Files) != 0 {
		t.Errorf("stable has %q; pruned %v", f.has("stable"), pruned)
	}
	f.verify()

	// An hour later nobody can work with the old indices any more.
	f.now = func() time.Time { return start.Add(keepTime + time.Minute) }
	pruned, err = f.Prune(t.Context(), 2, needed)
	if err != nil {
		t.Fatal(err)
	}
	want := "app_1.9_amd64.deb docs_2.0_all.deb docs_2.1_all.deb docs_2.2_all.deb"
	var got []string
	for _, name := range pruned.Files {
		got = append(got, filepath.Base(name))
	}
	if strings.Join(got, " ") != want || len(pruned.Packages) != 0 {
		t.Errorf("pruned %v, want the files %q", pruned, want)
	}
	f.verify()
}

// TestGenerations: three of them stay, and all of the last hour.
func TestGenerations(t *testing.T) {
	f := newFixture(t)
	clock := time.Now()
	f.now = func() time.Time { return clock }
	count := func() int {
		names, err := filepath.Glob(filepath.Join(f.root, "dists/nightly/main/binary-amd64/by-hash/SHA256/*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(names) / 2 // plain and packed
	}
	for i := range 6 {
		f.publish("nightly", writeDeb(t, "app", fmt.Sprintf("1.%d", i), "amd64", ""))
	}
	if got := count(); got != 7 {
		t.Errorf("within the hour %d generations stay, want 7", got)
	}
	clock = clock.Add(keepTime + time.Minute)
	for i := range 2 {
		f.publish("nightly", writeDeb(t, "app", fmt.Sprintf("2.%d", i), "amd64", ""))
		clock = clock.Add(keepTime + time.Minute)
	}
	if got := count(); got != 3 {
		t.Errorf("after it %d generations stay, want 3", got)
	}
	f.verify()
}

// TestDates: they rise with every publish, also within a second, and a clock
// that was set back is an error rather than a release that hosts ignore.
func TestDates(t *testing.T) {
	f := newFixture(t)
	var last time.Time
	for i := range 4 {
		f.publish("nightly", writeDeb(t, "app", fmt.Sprintf("1.%d", i), "amd64", ""))
		g, err := f.readRelease("nightly")
		if err != nil {
			t.Fatal(err)
		}
		if !g.date.After(last) || g.date.After(time.Now()) {
			t.Errorf("publish %d is of %v, after %v", i, g.date, last)
		}
		last = g.date
	}
	f.now = func() time.Time { return time.Now().Add(-24 * time.Hour) }
	before := snapshot(t, f.root)
	_, err := f.Publish(t.Context(), "nightly", writeDeb(t, "app", "2", "amd64", ""))
	if err == nil || !strings.Contains(err.Error(), "clock was set back") {
		t.Errorf("publishing with yesterday's clock returned %v", err)
	}
	sameFiles(t, before, snapshot(t, f.root))
}
