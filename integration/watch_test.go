package integration

import (
	"strings"
	"testing"
)

// TestWatchElsewhere follows a rollout that another controller of the cluster has in
// hand: through a daemon, and by a command that finds none. Both see it to its end,
// also when its controller is killed and another one goes on with it.
func TestWatchElsewhere(t *testing.T) {
	p := newPair(t)
	alone := p.secondController()
	p.cluster.join(alone)
	watchers := map[string]*program{"a daemon": p.other.start("watch", "R1"), "no daemon": alone.start("watch", "R1")}
	p.put(p.lab.Hosts()[0], goFile, "")
	for _, w := range watchers {
		w.says(p.fleet, p.lab.Hosts()[0].Name()+" +done")
	}
	events := p.events()
	p.must(p.first.Process.Kill())
	<-p.first.ended
	p.takenOver(p.second, events)
	for who, w := range watchers {
		if w.over() {
			t.Errorf("through %s it ended with the controller:\n%s%s", who, w.out.String(), w.errs.String())
		}
	}
	p.finishes()
	for who, w := range watchers {
		<-w.ended
		shown := w.out.String()
		if w.ProcessState.ExitCode() != 0 {
			t.Errorf("through %s it ended with %v:\n%s", who, w.ProcessState, w.errs.String())
		}
		for _, h := range p.lab.Hosts() {
			if !strings.Contains(shown, h.Name()) {
				t.Errorf("through %s nothing of %s was seen:\n%s", who, h.Name(), shown)
			}
		}
	}
}
