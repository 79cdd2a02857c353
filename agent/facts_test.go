package agent

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/agent/probe"
)

// TestCount counts upgrades when something changed and is quiet again, and no
// more often than that.
func TestCount(t *testing.T) {
	dir := t.TempDir()
	counts := filepath.Join(dir, "counts")
	f := &facts{
		dpkg: &probe.Dpkg{Dir: dir}, log: slog.New(slog.DiscardHandler),
		apt: probe.Apt{Lists: filepath.Join(dir, "lists"), Argv: []string{"sh", "-c", `echo x >>"$0"; echo 'Inst shop [1] (2 Example:stable/stable-security [all])'`, counts}},
	}
	f.reboot = &probe.Reboot{File: filepath.Join(dir, "none"), Dpkg: f.dpkg}
	write(t, filepath.Join(dir, "status"), "")
	begun := time.Now()
	for _, tt := range []struct {
		after  time.Duration
		change bool
		due    bool
	}{
		{0, false, false}, {10 * time.Second, false, false}, {40 * time.Second, false, true},
		{50 * time.Second, false, false}, {time.Hour, false, false},
		{time.Hour, true, false}, {time.Hour + 20*time.Second, true, false}, {time.Hour + 40*time.Second, false, false}, {time.Hour + 50*time.Second, false, true},
		{time.Hour + time.Minute, true, false}, {time.Hour + 2*time.Minute, false, false}, {time.Hour + 6*time.Minute, false, true},
		{2 * time.Hour, false, false}, {26 * time.Hour, false, true},
	} {
		now := begun.Add(tt.after)
		if tt.change {
			write(t, filepath.Join(dir, "status"), "\n")
			if err := os.Chtimes(filepath.Join(dir, "status"), now, now); err != nil {
				t.Fatal(err)
			}
		}
		due := f.due(now)
		if due != tt.due {
			t.Errorf("after %v it is due: %v", tt.after, due)
		}
		if due {
			f.count(t.Context())
			f.last = now
		}
	}
	data, err := os.ReadFile(counts)
	if string(data) != "x\nx\nx\nx\n" || err != nil {
		t.Errorf("apt was asked: %q, %v", data, err)
	}
	if u := f.now().Upgrades; u == nil || u.Pending != 1 || u.Security != 1 {
		t.Errorf("there are %+v", u)
	}
	f.apt.Argv = []string{"false"}
	f.count(t.Context())
	if u := f.now().Upgrades; u != nil {
		t.Errorf("although apt failed there are %+v", u)
	}
}
