package integration

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestWorkerReloads: SIGHUP has a worker read its configuration again. What is wrong,
// or cannot change under it, changes nothing; with the inventory that it names then,
// the worker does the hosts that it did not know before.
func TestWorkerReloads(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 2, Kind: lab.Light})
	cluster := newCluster(t)
	cluster.join(f)
	other := f.secondController()
	cluster.join(other)
	good, err := os.ReadFile(other.path("aptfleet.toml"))
	f.must(err)
	other.write("strange.toml", "[groups.web]\nhosts = [\"elsewhere\"]\n")
	other.write("aptfleet.toml", strings.Replace(string(good), `"inventory.toml"`, `"strange.toml"`, 1))
	w := other.start("worker", "--parallel", "2")
	w.says(f, "this worker is ready")
	if end := f.rollOut("shop=1.0"); end.Summary["done"] != 2 || did(w) != 0 {
		t.Errorf("with an inventory that has no such hosts the worker did %d, and the rollout ended as %+v", did(w), end)
	}

	reload := func(text, says string) {
		t.Helper()
		other.write("aptfleet.toml", text)
		f.must(w.Process.Signal(syscall.SIGHUP))
		w.says(f, says)
	}
	reload(string(good)+"[[notify]]\nnme = 3\n", `the configuration stays as it was.*nme: unknown key`)
	reload(strings.Replace(string(good), other.path("state"), other.path("moved"), 1), `the configuration stays as it was.*state: cannot change`)
	reload(strings.Replace(string(good), `"inventory.toml"`, `"gone.toml"`, 1), `the configuration stays as it was.*gone.toml`)
	reload(string(good), "the configuration was read again")
	f.publish(shop{version: "1.1"})
	if end := f.rollOut("shop=1.1"); end.Summary["done"] != 2 {
		t.Errorf("the rollout ended as %+v", end)
	}
	if n := strings.Count(w.errs.String(), "rollout=R2 host="); !strings.Contains(w.errs.String(), "step=apt verb=do verdict=done") || n == 0 {
		t.Errorf("with the right inventory the worker did not work:\n%s", w.errs.String())
	}
}
