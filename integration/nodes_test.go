package integration

import (
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestNodesLost loses each node of the cluster in turn in the middle of a rollout,
// and starts it again. Nobody notices: commands are answered, metrics told, the rollout
// goes on in the same hands, and no host runs apt twice.
func TestNodesLost(t *testing.T) {
	p := newPair(t)
	b := p.cluster.OpenForTest(t)
	watch := p.start("watch", "R1")
	for _, f := range []*fleet{p.fleet, p.other} {
		f.measured() // so that there is something to tell in an election
	}
	for i, h := range p.lab.Hosts()[:3] {
		p.cluster.kill(i)
		for _, f := range []*fleet{p.fleet, p.other} {
			if end := f.do("status", "R1").end(t); end.Phase != "open" || end.Summary["done"] != i {
				t.Errorf("without node %d, R1 is %+v", i, end)
			}
			f.do("history")
			f.measured()
		}
		p.put(h, goFile, "") // which is written down without the node
		until(t, h.Name()+" is done", func() bool { return p.other.do("status", "R1").end(t).Summary["done"] == i+1 })
		p.cluster.start(i)
		p.cluster.Heals(t, b)
	}
	p.finishes()
	<-watch.ended
	if watch.ProcessState.ExitCode() != 0 || !strings.Contains(watch.out.String()+watch.errs.String(), p.host(4).Name()) {
		t.Errorf("who watched saw, with status %v:\n%s%s", watch.ProcessState, watch.out.String(), watch.errs.String())
	}
	for _, d := range []*program{p.first, p.second} {
		if said := d.errs.String(); d.over() || strings.Contains(said, "let go") || strings.Contains(said, "what another controller has left") {
			t.Errorf("a daemon noticed:\n%s", said)
		}
	}
}

// TestNodesLostUnderWorkers loses each node of the cluster in turn while workers do
// the hosts. Nobody notices: all of them are done by the workers that had them, once.
func TestNodesLostUnderWorkers(t *testing.T) {
	c := newCrew(t)
	b := c.cluster.OpenForTest(t)
	for i := range c.cluster.Plans {
		c.cluster.kill(i)
		for _, h := range c.lab.Hosts()[2*i : 2*i+2] {
			c.put(h, goFile, "")
		}
		until(t, "two hosts more are done", func() bool { return c.do("status", "R1").end(t).Summary["done"] == 2*(i+1) })
		c.cluster.start(i)
		c.cluster.Heals(t, b)
	}
	c.finishes(c.fleet)
	for i, w := range c.workers {
		if n := did(w); n != 3 || w.over() {
			t.Errorf("worker %d did %d hosts, want 3:\n%s", i, n, w.errs.String())
		}
	}
	if said := c.daemon.errs.String(); c.daemon.over() || strings.Contains(said, "let go") || strings.Contains(said, "this controller does it") {
		t.Errorf("the controller noticed:\n%s", said)
	}
}

// measured wants the daemon to tell a scraper, in the time that it has, that a rollout
// runs or waits.
func (f *fleet) measured() {
	f.t.Helper()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", f.path("state/api.sock"))
	}
	c := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: 10 * time.Second}
	answer, err := c.Get("http://aptfleet/metrics")
	f.must(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	f.must(err)
	if answer.StatusCode != http.StatusOK || !regexp.MustCompile(`aptfleet_rollouts\{state="(running|waiting)"\} 1`).Match(body) {
		f.t.Errorf("the metrics are %s: %s", answer.Status, body)
	}
}
