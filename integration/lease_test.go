package integration

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestTwoControllers has a second controller, with a state of its own, roll out
// to hosts of which one is in the hands of the first.
func TestTwoControllers(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 2, Suites: []string{lab.Bookworm, lab.Trixie}})
	f.publish(shop{version: "1.1"})
	taken, free := f.host(1), f.host(2)
	f.put(taken, faultFile, waiting)
	first := make(chan answer)
	go func() { first <- f.run("rollout", "shop=1.0", "--to", taken.Name(), "--yes") }()
	until(t, "the first controller is at work", func() bool { return strings.Contains(f.jobLog(taken), "waiting for the story") })

	other := f.secondController()
	a := other.run("rollout", "shop=1.1", "--to", group, "--yes")
	end := a.end(t)
	if got := end.host(t, free.Name()); a.status != 3 || got.Verdict != "done" || f.version(free, "shop") != "1.1" {
		t.Errorf("status %d, and the free host ended as %+v", a.status, got)
	}
	owner := strings.TrimSuffix(f.jobID(taken), "-apt-1")
	if got := end.host(t, taken.Name()); got.Verdict != "failed" || !strings.Contains(got.Cause, owner+" holds the lease of this host until ") {
		t.Errorf("the taken host ended as %+v, want the lease of %s", got, owner)
	}

	f.put(taken, goFile, "")
	if a := <-first; a.status != 0 || f.version(taken, "shop") != "1.0" {
		t.Errorf("the first controller ended with shop %q and %s", f.version(taken, "shop"), a)
	}
	if end := other.rollOut("shop=1.1"); end.Summary["done"] != 2 || f.version(taken, "shop") != "1.1" {
		t.Errorf("after the first controller the second one ended as %+v", end)
	}
}

// secondController is another installation for the same hosts and repository.
func (f *fleet) secondController() *fleet {
	f.t.Helper()
	other := &fleet{t: f.t, lab: f.lab, dir: f.t.TempDir(), url: f.url}
	f.do("init", "--dir", other.dir, "--state", other.path("state"), "--url", f.url, "--origin", "Story")
	other.write("inventory.toml", f.lab.Inventory(group))
	return other
}
