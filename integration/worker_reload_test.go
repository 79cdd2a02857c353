package integration

import (
	"os"
	"regexp"
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

// TestWorkerResizes: how many hosts a worker does at the same time follows its
// configuration, with those going on that it has at work.
func TestWorkerResizes(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 4, Kind: lab.Light})
	cluster := newCluster(t)
	cluster.join(f)
	other := f.secondController()
	cluster.join(other)
	settings, err := os.ReadFile(other.path("aptfleet.toml"))
	f.must(err)
	parallel := func(n string) {
		other.write("aptfleet.toml", strings.Replace(string(settings), "#parallel = 128", "parallel = "+n, 1))
	}
	parallel("1")
	w := other.start("worker")
	w.says(f, "this worker is ready")
	for _, h := range f.lab.Hosts() {
		f.put(h, faultFile, waiting)
	}
	f.start("rollout", "shop=1.0", "--to", group, "--yes", "--batches", "2,100%")
	until(t, "two hosts are at work", func() bool {
		return strings.Contains(f.jobLog(f.host(1)), "waiting for the story") && strings.Contains(f.jobLog(f.host(2)), "waiting for the story")
	})
	begun := regexp.MustCompile(`msg="working on a host" rollout=R1 host=\S+ step=apt verb=do`)
	atWork := func() int { return len(begun.FindAllString(w.errs.String(), -1)) - did(w) }
	if n := atWork(); n != 1 {
		t.Fatalf("with one hand it has %d hosts at work:\n%s", n, w.errs.String())
	}
	parallel("3")
	f.must(w.Process.Signal(syscall.SIGHUP))
	w.says(f, "the configuration was read again")
	for _, h := range f.lab.Hosts()[:2] {
		f.put(h, goFile, "")
	}
	until(t, "the worker has two hosts at work", func() bool { return atWork() == 2 })
	f.goOn()
	until(t, "the rollout ends", func() bool { return f.run("status", "R1").end(t).Phase == "finished" })
	f.has("1.0", "1.0", "1.0", "1.0")
}
