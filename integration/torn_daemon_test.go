package integration

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
)

// TestDaemonOnDamagedJournal starts daemons on the store of a controller that was killed
// in the middle of its second rollout, each time with other damage to a file of the
// journal. A daemon refuses and names the store, or it answers: then it finishes the
// rollout without any work done twice, if need be after a person has approved its plan
// anew, or it has said what is lost. Of a file that is cut off it always says how much
// is lost, and so do doctor and a command of its own; of one that is whole nobody says so.
func TestDaemonOnDamagedJournal(t *testing.T) {
	t.Parallel()
	f := interrupted(t)
	blocks := slices.DeleteFunc(f.filesOf(f.path("state/bus")), func(file string) bool {
		return !strings.Contains(file, "/JOURNAL/msgs/") || !strings.HasSuffix(file, ".blk")
	})
	if len(blocks) != 1 {
		t.Fatalf("the journal is in %q", blocks)
	}
	whole := f.damaged(blocks[0], func(data []byte) []byte { return data })
	for _, command := range []string{"doctor", "history"} {
		if a := whole.run(command); strings.Contains(a.stdout+a.stderr, "damaged") {
			t.Errorf("nothing is lost: %s", a)
		}
	}
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	became := map[string]int{}
	for n := range 3 * len(damages) {
		damage := damages[n%len(damages)]
		copied := f.damaged(blocks[0], func(data []byte) []byte { return damage.do(dice, data) })
		what := fmt.Sprintf("seed %d, damage %d: %s %s", seed, n, blocks[0], damage.name)
		cut := damage.name == "cut off" || damage.name == "gone"
		if a := copied.run("doctor"); cut && !strings.Contains(a.stdout, "events of the journal are lost") && !strings.Contains(a.stdout, "is damaged") {
			t.Errorf("%s: doctor finds nothing: %s", what, a)
		}
		if a := copied.run("history"); cut && !strings.Contains(a.stderr, "events of the journal are lost") && !strings.Contains(a.stderr, "is damaged") {
			t.Errorf("%s: a command says nothing of it: %s", what, a)
		}
		became[copied.servesDamaged(what, cut)]++
	}
	t.Logf("of the daemons %v", became)
	for _, h := range f.lab.Hosts() {
		if n := f.count(h, "R2-*-apt-*"); n != 1 {
			t.Errorf("%s has %d jobs of R2, want 1", h.Name(), n)
		}
	}
}

// servesDamaged has a daemon run on a damaged store, and returns what became of it.
func (f *fleet) servesDamaged(what string, cut bool) string {
	f.t.Helper()
	d := f.start("serve")
	var up bool
	until(f.t, what+": the daemon answers or ends", func() bool {
		c, err := net.Dial("unix", f.path("state/api.sock"))
		if err == nil {
			_ = c.Close() // it was answered
			up = true
		}
		return up || d.over()
	})
	if !up {
		if said := d.errs.String(); d.ProcessState.ExitCode() != 1 || !strings.Contains(said, f.path("state")) {
			f.t.Errorf("%s: the daemon ended with %v and said %s", what, d.ProcessState, said)
		}
		return "refused"
	}
	defer f.stop(d)
	if cut && !strings.Contains(d.errs.String(), "the store is damaged: events of the journal are lost") {
		f.t.Errorf("%s: the daemon does not say that anything is lost: %s", what, d.errs.String())
	}
	var a answer
	until(f.t, what+": R2 ends, waits for a person, or cannot be read", func() bool {
		a = f.run("status", "R2")
		return a.status == 1 || a.end(f.t).Phase == "finished" || strings.Contains(a.stdout, `"waits":{"for":"approval"}`)
	})
	became := "finished the rollout"
	if a.status == 0 && a.end(f.t).Phase == "open" { // the approval of its plan is lost
		became, a = "waited for a person", f.run("resume", "R2")
	}
	if a.status == 1 {
		f.names(what, a)
		if said := d.errs.String(); !strings.Contains(said, "R2") && !strings.Contains(said, "events of the journal are lost") {
			f.t.Errorf("%s: nobody can read R2, and the daemon said nothing of it: %s", what, said)
		}
		return "said what is lost"
	}
	if end := a.end(f.t); end.Summary["done"] != 2 {
		f.t.Errorf("%s: R2 ended as %+v", what, end)
	}
	return became
}
