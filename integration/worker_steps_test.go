package integration

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// worker starts a worker on a machine of its own: with a folder and a configuration
// there.
func (f *fleet) worker(c *cluster, parallel string) *program {
	f.t.Helper()
	other := f.secondController()
	c.join(other)
	w := other.start("worker", "--parallel", parallel)
	w.says(f, "this worker is ready")
	return w
}

// TestWorkerRetries: a host that failed in the hands of a worker is retried by one,
// alone, as another attempt.
func TestWorkerRetries(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 2, Kind: lab.Light})
	c := newCluster(t)
	c.join(f)
	w := f.worker(c, "2")
	bad := f.host(1)
	f.put(bad, faultFile, "exit 1\n")
	a := f.run("rollout", "shop=1.0", "--to", group, "--yes", "--batches", "100%", "--max-failures", "2")
	if got := a.end(t).host(t, bad.Name()); a.status != 3 || got.Verdict != "failed" {
		t.Errorf("the host that has to fail is %+v: %s", got, a)
	}
	f.put(bad, faultFile, "")
	if end := f.do("retry", "R1").end(t); end.Summary["done"] != 2 {
		t.Errorf("after the retry: %+v", end)
	}
	f.has("1.0", "1.0")
	for i, want := range []int{2, 1} {
		h := f.host(i + 1)
		did := strings.Count(w.errs.String(), "worked on a host\" rollout=R1 host="+h.Name()+" step=apt verb=do")
		if jobs := f.count(h, "R1-*-apt-*"); jobs != want || did != want {
			t.Errorf("%s has %d jobs, of which the worker did %d; want %d", h.Name(), jobs, did, want)
		}
	}
}

// TestWorkerReboots: hosts that ask for it are restarted by workers. One of them is
// killed while a host is down: the other one waits until it is back, and restarts it
// no second time.
func TestWorkerReboots(t *testing.T) {
	t.Parallel()
	f := rebootFleet(t, 2)
	c := newCluster(t)
	c.join(f)
	workers := []*program{f.worker(c, "1"), f.worker(c, "1")}
	p := f.start("rollout", "shop=1.0", "--to", group, "--yes", "--no-gate", "--reboot", "if-required", "--parallel", "1", "--batches", "100%")
	h := f.host(1)
	until(t, "the restart is ordered", func() bool { return f.read(h, "/var/lib/aptfleet/reboots/"+f.rebootID(h)) != "" })
	if !strings.Contains(workers[0].errs.String(), "host="+h.Name()+" step=reboot verb=do") {
		slices.Reverse(workers)
	}
	f.must(workers[0].Process.Kill())
	<-p.ended
	end := f.do("status", "R1").end(t)
	for _, h := range f.lab.Hosts() {
		got := end.host(t, h.Name())
		told := strings.Contains(strings.Join(got.Notes, "\n"), "rebooted for linux-image")
		if got.Verdict != "done" || got.After["shop"] != "1.0" || f.rebooted(h) != 1 || !told {
			t.Errorf("%s ended as %+v, and was rebooted %d times", h.Name(), got, f.rebooted(h))
		}
		if done := "host=" + h.Name() + " step=reboot verb=do verdict=done"; !strings.Contains(workers[1].errs.String(), done) {
			t.Errorf("the other worker does not say %q:\n%s", done, workers[1].errs.String())
		}
	}
}

// TestWorkerUndoesWithoutJobs: a worker that has done a host takes it back in the same
// rollout. The host has lost its jobs meanwhile: the worker goes by what the journal says
// now, and not by what it said when the worker began.
func TestWorkerUndoesWithoutJobs(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 2, Kind: lab.Light})
	f.rollOut("shop=1.0")
	f.publish(shop{version: "1.1"})
	c := newCluster(t)
	c.join(f)
	w := f.worker(c, "2")
	f.put(f.host(2), faultFile, waiting+"\n[ \"$(cat \"$DPKG_ROOT/usr/share/shop/version\")\" != 1.1 ]\n")
	p := f.start("rollout", "shop=1.1", "--to", group, "--yes", "--no-gate", "--batches", "100%", "--max-failures", "0", "--on-failure", "rollback")
	until(t, "web1 is done", func() bool { return strings.Contains(w.errs.String(), "host=web1 step=apt verb=do verdict=done") })
	until(t, "web2 is in the middle of apt", func() bool { return strings.Contains(f.jobLog(f.host(2)), "waiting for the story") })
	f.must(os.RemoveAll(f.host(1).Path("/var/lib/aptfleet/jobs")))
	f.goOn()
	<-p.ended
	if status := p.ProcessState.ExitCode(); status != 5 {
		t.Errorf("the rollout ended with %d, want 5:\n%s", status, p.errs.String())
	}
	f.ends(0, []string{"returned", "returned"}, "status", "R1")
	f.has("1.0", "1.0")
	if !strings.Contains(w.errs.String(), "host=web1 step=apt verb=undo verdict=done") {
		t.Errorf("the worker did not take web1 back:\n%s", w.errs.String())
	}
}
