package integration

import (
	"slices"
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

// takenOver waits until a controller has taken the rollout of another one, which is
// in the journal a moment after it says so: of the hosts at work nothing new is.
func (p *pair) takenOver(by *program, events int) {
	p.t.Helper()
	by.says(p.fleet, "going on with what another controller has left")
	until(p.t, "that is in the journal", func() bool { return p.events() > events })
}

// events is how many the rollout has by now.
func (p *pair) events() int {
	p.t.Helper()
	return p.other.do("status", "R1").end(p.t).Events
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

// TestTakeover kills the controller that has the rollout, again and again: each time
// the other one takes it over, and in the end finishes it. How long it takes is
// logged; the target is 15 s.
func TestTakeover(t *testing.T) {
	p := newPair(t)
	has, next := p.first, p.second
	killed := map[string]time.Time{} // by who has to take over
	for i := range 5 {
		events := p.events()
		killed[pid(next)] = time.Now()
		p.must(has.Process.Kill())
		<-has.ended
		p.takenOver(next, events)
		has, next = next, []*fleet{p.fleet, p.other}[i%2].daemon()
	}
	p.finishes()
	var took []time.Duration
	for _, e := range lines[by](t, "event", p.other.do("watch", "R1").stdout) {
		_, id, _ := strings.Cut(e.By, " ")
		if since, ok := killed[id]; ok && e.Event == "taken" {
			took = append(took, e.Time.Sub(since).Round(100*time.Millisecond))
		}
	}
	slices.Sort(took)
	if len(took) != 5 {
		t.Fatalf("it was taken over after %v, want 5 times", took)
	}
	t.Logf("taken over after %v, at worst %v", took, took[len(took)-1])
}
