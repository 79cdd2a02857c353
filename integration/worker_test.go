package integration

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// crew is a controller and two workers on one cluster: six hosts are in the middle
// of apt, in the hands of the workers, who have no more than these.
type crew struct {
	*fleet
	cluster *cluster
	daemon  *program
	workers []*program
}

func newCrew(t *testing.T) *crew {
	t.Helper()
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 6, Kind: lab.Light})
	c := &crew{fleet: f, cluster: newCluster(t)}
	c.cluster.join(f)
	for _, h := range f.lab.Hosts() {
		f.put(h, faultFile, waiting)
	}
	for range 2 {
		// A worker has its own machine, with a folder and a configuration there.
		other := f.secondController()
		c.cluster.join(other)
		w := other.start("worker", "--parallel", "3")
		w.says(f, "this worker is ready")
		c.workers = append(c.workers, w)
	}
	c.daemon = f.daemon()
	f.start("rollout", "shop=1.0", "--to", group, "--yes", "--parallel", "6", "--batches", "100%")
	for _, h := range f.lab.Hosts() {
		until(t, h.Name()+" is in the middle of apt", func() bool { return strings.Contains(f.jobLog(h), "waiting for the story") })
	}
	return c
}

// did counts the hosts whose apt a worker says that it has done.
func did(w *program) int {
	done := regexp.MustCompile(`msg="worked on a host" rollout=R1 host=(\S+) step=apt verb=do verdict=done`)
	hosts := map[string]bool{}
	for _, m := range done.FindAllStringSubmatch(w.errs.String(), -1) {
		hosts[m[1]] = true
	}
	return len(hosts)
}

// finishes lets the hosts go on, and wants each to have run apt once.
func (c *crew) finishes(asked *fleet) {
	c.t.Helper()
	c.goOn()
	until(c.t, "the rollout ends", func() bool { return asked.do("status", "R1").end(c.t).Phase == "finished" })
	end := asked.do("status", "R1").end(c.t)
	if end.Summary["done"] != 6 {
		c.t.Errorf("the rollout ended as %+v", end)
	}
	for _, h := range c.lab.Hosts() {
		if n := c.count(h, "R1-*-apt-*"); n != 1 || c.version(h, "shop") != "1.0" {
			c.t.Errorf("%s has shop %s and %d jobs, want 1", h.Name(), c.version(h, "shop"), n)
		}
		if after := end.host(c.t, h.Name()).After["shop"]; after != "1.0" {
			c.t.Errorf("the journal says that %s has shop %q", h.Name(), after)
		}
	}
	if c.t.Failed() {
		for _, p := range append(c.workers, c.daemon) {
			c.t.Logf("%v said:\n%s", p.Args, p.errs.String())
		}
	}
}

// TestWorkers: two workers do all hosts of a rollout, three each, and its controller
// none. How far they are is seen by who watches it, and their logs are where the
// controller's would be. They take it all back too, and end when they are asked to.
func TestWorkers(t *testing.T) {
	c := newCrew(t)
	watch, _ := c.onTerminal("watch", "R1")
	watch.says(c.fleet, `6 running, 0 waiting +[1-9]\d?% `)
	c.finishes(c.fleet)
	<-watch.ended
	if status := watch.ProcessState.ExitCode(); status != 0 {
		t.Errorf("who watched ended with %d:\n%s", status, watch.out.String())
	}
	for i, w := range c.workers {
		if n := did(w); n != 3 {
			t.Errorf("worker %d did %d hosts, want 3:\n%s", i, n, w.errs.String())
		}
	}
	if logs := c.do("logs", "R1", "web1").stdout; !strings.Contains(logs, "waiting for the story") {
		t.Errorf("the log of web1 is %q", logs)
	}
	for _, h := range c.lab.Hosts() {
		c.put(h, faultFile, "")
	}
	if a := c.run("rollback", "R1", "--yes"); a.status != 5 {
		t.Errorf("want status 5: %s", a)
	}
	c.has("", "", "", "", "", "")
	if undone := c.workers[0].errs.String() + c.workers[1].errs.String(); strings.Count(undone, "verb=undo verdict=done") != 6 {
		t.Errorf("the workers took back:\n%s", undone)
	}
	for _, w := range c.workers {
		w.interrupt(c.fleet)
		<-w.ended
		if status := w.ProcessState.ExitCode(); status != 0 {
			t.Errorf("asked to end, a worker ended with %d:\n%s", status, w.errs.String())
		}
	}
}

// TestWorkerKilled kills one worker in the middle of apt: the other one attaches to
// its hosts.
func TestWorkerKilled(t *testing.T) {
	c := newCrew(t)
	c.must(c.workers[0].Process.Kill())
	c.finishes(c.fleet)
	if n := did(c.workers[1]); n != 6 {
		t.Errorf("the other worker did %d hosts, want 6:\n%s", n, c.workers[1].errs.String())
	}
}

// TestWorkersAllKilled kills both: the controller attaches to their hosts.
func TestWorkersAllKilled(t *testing.T) {
	c := newCrew(t)
	for _, w := range c.workers {
		c.must(w.Process.Kill())
	}
	killed := time.Now()
	c.finishes(c.fleet)
	t.Logf("the controller had done it after %v", time.Since(killed).Round(time.Second))
}

// TestWorkersOutliveTheirController kills the controller while workers work: another
// one takes the rollout over, and has them attach.
func TestWorkersOutliveTheirController(t *testing.T) {
	c := newCrew(t)
	other := c.secondController()
	c.cluster.join(other)
	second := other.daemon()
	c.must(c.daemon.Process.Kill())
	second.says(c.fleet, "going on with what another controller has left")
	c.daemon = second
	c.finishes(other)
	if n := did(c.workers[0]) + did(c.workers[1]); n == 0 {
		t.Error("the next controller did every host itself")
	}
}

// TestWorkerWithoutCluster: there is nobody to work for.
func TestWorkerWithoutCluster(t *testing.T) {
	f := &fleet{t: t, dir: t.TempDir()}
	f.do("init", "--dir", f.dir, "--state", f.path("state"), "--url", "http://127.0.0.1", "--origin", "Story")
	if a := f.run("worker"); a.status != 1 || !strings.Contains(a.stderr, "names no cluster") {
		t.Errorf("want status 1 and why: %s", a)
	}
}
