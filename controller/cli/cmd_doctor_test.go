package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus/bustest"
)

// TestDoctorOnClusters: the command takes a cluster that keeps what it acknowledges,
// says when a node of it is down, and refuses those that would lose something.
func TestDoctorOnClusters(t *testing.T) {
	whole := bustest.ForTest(t, 3, nil)
	diagnosed(t, whole, `{"type":"check","check":"bus","ok":true,"found":"3 nodes, which sync always"}`)
	whole.Kill(1)
	diagnosed(t, whole, `{"type":"check","check":"bus","ok":false,"found":"1 of the 3 nodes of the cluster are down"}`)
	whole.Close()

	small := bustest.ForTest(t, 2, nil)
	diagnosed(t, small, `"check":"bus","ok":false,"found":"cannot use the cluster of the bus: the cluster has fewer than three nodes`)
	small.Close()

	forgetful := bustest.ForTest(t, 3, func(config string) string { return strings.Replace(config, "sync_interval: always", "", 1) })
	diagnosed(t, forgetful, `"check":"bus","ok":false,"found":"cannot use the cluster of the bus: the cluster would lose what it acknowledged when the power fails: set sync_interval: always`)
}

// diagnosed wants the command to find something of an installation on a cluster
// that is about to come up.
func diagnosed(t *testing.T, c *bustest.Cluster, want string) {
	t.Helper()
	dir := t.TempDir()
	if status, _, stderr := run(t, "init", "--dir", dir, "--state", filepath.Join(dir, "state")); status != exitDone {
		t.Fatalf("init ended with %d: %s", status, stderr)
	}
	path := filepath.Join(dir, "aptfleet.toml")
	config, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(string(config)+c.Settings()), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		status, stdout, stderr := run(t, "--config", path, "--json", "doctor")
		if strings.Contains(stdout, want) {
			if wrong := strings.Contains(want, `"ok":false`); wrong && status != exitBegin {
				t.Errorf("doctor ended with %d", status)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatalf("doctor does not say %s:\n%s%s", want, stdout, stderr)
		}
	}
}
