package cli

import (
	"errors"
	"testing"

	"github.com/aptfleet/aptfleet/controller/engine"
)

func TestFailures(t *testing.T) {
	results := []engine.Result{{Host: "web1", Err: errors.New("web1: login refused")}, {Host: "web2"}, {Host: "web3", Err: errors.New("web3: mute")}}
	err := failures(results)
	if want := "2 of 3 hosts failed:\n  web1: login refused\n  web3: mute"; err == nil || err.Error() != want || exitStatus(err) != exitFailed {
		t.Errorf("status %d and %v, want 3 and %q", exitStatus(err), err, want)
	}
	if err := failures(results[1:2]); err != nil {
		t.Errorf("where none failed: %v", err)
	}
}
