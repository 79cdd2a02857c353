package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/reports"
)

// TestForgetIsRecorded: who shut an agent out without a daemon is in the history, and who
// could not.
func TestForgetIsRecorded(t *testing.T) {
	dir := t.TempDir()
	if status, _, stderr := run(t, "init", "--dir", dir, "--state", filepath.Join(dir, "state")); status != exitDone {
		t.Fatalf("init ended with %d: %s", status, stderr)
	}
	b, err := bus.Open(t.Context(), bus.Options{State: filepath.Join(dir, "state")})
	if err != nil {
		t.Fatal(err)
	}
	register, err := reports.OpenRegister(t.Context(), b)
	if err == nil {
		err = register.Enroll(t.Context(), reports.Enrolled{Host: "web1", Agent: "UAKVE4QX4DQXTZZ2HYA6QM3ZYKZXJQ2JYXS2X7B5ZB6K5T3Q5Q3TSK3V", At: time.Now()})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "aptfleet.toml")
	if status, _, stderr := run(t, "--config", config, "forget", "web1"); status != exitDone {
		t.Errorf("forget ended with %d: %s", status, stderr)
	}
	if status, _, stderr := run(t, "--config", config, "forget", "web2"); status != exitBegin {
		t.Errorf("forget of a host without an agent ended with %d: %s", status, stderr)
	}
	_, history, _ := run(t, "--config", config, "--json", "history")
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"did":"forget","what":"web1"}`, `"did":"forget","what":"web2","error":"web2: the host has no enrolled agent"}`, "@" + name} {
		if !strings.Contains(history, want) {
			t.Errorf("the history has no %s:\n%s", want, history)
		}
	}
}
