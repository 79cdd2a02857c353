package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// pair is two controllers on one cluster, of which the first has a rollout to four
// hosts in hand, and apt at work on two of them.
type pair struct {
	*fleet
	cluster       *cluster
	other         *fleet
	first, second *program
}

func newPair(t *testing.T) *pair {
	t.Helper()
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 4, Kind: lab.Light})
	p := &pair{fleet: f, cluster: newCluster(t), other: f.secondController()}
	p.cluster.join(f)
	p.cluster.join(p.other)
	for _, h := range f.lab.Hosts() {
		f.put(h, faultFile, waiting)
	}
	p.first, p.second = f.daemon(), p.other.daemon()
	f.start("rollout", "shop=1.0", "--to", group, "--yes", "--parallel", "2")
	for _, h := range f.lab.Hosts()[:2] {
		until(t, h.Name()+" is in the middle of apt", func() bool { return strings.Contains(f.jobLog(h), "waiting for the story") })
	}
	return p
}

// takenOver waits until the second controller has the rollout.
func (p *pair) takenOver(since time.Time) {
	p.t.Helper()
	p.second.says(p.fleet, "going on with what another controller has left")
	p.t.Logf("taken over after %v", time.Since(since).Round(100*time.Millisecond))
}

// finishes lets the hosts go on, and wants each to have run apt once.
func (p *pair) finishes() {
	p.t.Helper()
	p.goOn()
	until(p.t, "the rollout ends", func() bool { return p.other.do("status", "R1").end(p.t).Phase == "finished" })
	if end := p.other.do("status", "R1").end(p.t); end.Summary["done"] != 4 {
		p.t.Errorf("the rollout ended as %+v", end)
	}
	p.has("1.0", "1.0", "1.0", "1.0")
	for _, h := range p.lab.Hosts() {
		if n := p.count(h, "R1-*-apt-*"); n != 1 {
			p.t.Errorf("%s has %d jobs, want 1", h.Name(), n)
		}
	}
}

// TestTakeover kills the controller that has the rollout: the other one finishes it.
func TestTakeover(t *testing.T) {
	p := newPair(t)
	killed := time.Now()
	p.must(p.first.Process.Kill())
	p.takenOver(killed)
	p.finishes()
}
