package hostjob

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// whole are the scripts as hosts get them.
var whole = map[string]string{"start": startScript(), "follow": followScript(), "work": workScript(), "plan": planScript(), "reboot": rebootScript()}

// TestScriptsAreShell holds the scripts against the shell that Debian's hosts
// have, and against shellcheck where that is installed.
func TestScriptsAreShell(t *testing.T) {
	for name, text := range whole {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("sh", "-n", file).CombinedOutput(); err != nil {
			t.Errorf("sh refuses %s: %v\n%s", name, err, out)
		}
		if _, err := exec.LookPath("shellcheck"); err != nil {
			continue
		}
		out, err := exec.Command("shellcheck", "--shell=sh", "--severity=warning", file).CombinedOutput()
		if err != nil {
			t.Errorf("shellcheck refuses %s:\n%s", name, out)
		}
	}
}
