package integration

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestInterruptedRefresh: an update was cut off when it had fetched a whole
// InRelease and not moved it yet. apt asks for what comes after it, and there is
// nothing. What is published next must be found all the same.
func TestInterruptedRefresh(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 1, Kind: lab.Light})
	h := f.host(1)
	f.rollOut("shop=1.0")
	lists := h.Path("/var/lib/apt/lists")
	found, err := filepath.Glob(filepath.Join(lists, "*_stable_InRelease"))
	f.must(err)
	if len(found) != 1 {
		t.Fatalf("apt has %q, want one", found)
	}
	f.publish(shop{version: "1.1"})
	f.exec(h, "cp", "-p", f.path("state/repository/dists/stable/InRelease"), filepath.Join(lists, "partial", filepath.Base(found[0])))
	f.exec(h, "apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update")
	if _, err := os.Stat(filepath.Join(lists, "partial", filepath.Base(found[0]))); err == nil {
		t.Fatal("apt has passed over what lies in partial, which is the story")
	}
	f.publish(shop{version: "1.2"})
	f.rollOut("shop=1.2")
	f.has("1.2")
}
