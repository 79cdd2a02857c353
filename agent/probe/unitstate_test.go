package probe

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestLastSaid: a journal that does not answer keeps nobody waiting for long.
func TestLastSaid(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		most         time.Duration
		said         string
		late         bool
	}{
		{"answers", "echo $7 $8: no database", time.Minute, "-u shop.service: no database", false},
		{"cannot be read", "echo half; exit 1", time.Minute, "", false},
		{"does not answer", "exec sleep 3600", time.Millisecond, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "journalctl"), []byte("#!/bin/sh\n"+tt.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			if said, late := lastSaid(t.Context(), "shop.service", tt.most); said != tt.said || late != tt.late {
				t.Errorf("it said %q, late: %v, want %q, %v", said, late, tt.said, tt.late)
			}
		})
	}
}
