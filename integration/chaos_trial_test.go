package integration

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// trial is one rollout of the chaos and what follows it, from the version that
// all hosts have to the next.
type trial struct {
	*chaos
	number   int
	dice     *rand.Rand
	from, to string
	told     []string // what was done and seen, for whoever has to understand a failure
}

func (c *chaos) newTrial(number int) *trial {
	tr := &trial{chaos: c, number: number, dice: c.diceOf(number), from: c.version, to: fmt.Sprintf("1.%d", c.last+1)}
	for _, h := range c.lab.Hosts() {
		c.mark[h.Name()] = len(c.read(h, dpkgLog))
	}
	return tr
}

// play plays the trial, after which all hosts have one version again, and returns
// what it took.
func (tr *trial) play(how func(*trial)) (took time.Duration) {
	tr.publish(shop{version: tr.to})
	tr.last++
	tr.version = tr.to
	began, flaws := time.Now(), tr.flaws()
	how(tr)
	took = time.Since(began)
	if tr.flaws() > flaws {
		tr.reset()
	}
	return took
}

// reset brings the hosts by hand to where the next trial begins, so that it does
// not fail for what this one has left.
func (tr *trial) reset() {
	tr.t.Helper()
	for _, h := range tr.lab.Hosts() {
		tr.put(h, faultFile, "")
		tr.must(os.RemoveAll(h.Path("/var/lib/aptfleet/lease")))
		tr.exec(h, "sh", "-c", "dpkg --configure -a && apt-get -qq update && apt-get -qq -y --allow-downgrades install shop="+tr.version)
	}
}

func (tr *trial) tell(format string, a ...any) { tr.told = append(tr.told, fmt.Sprintf(format, a...)) }

// rolloutArgs is a rollout in one of the shapes that they have, mostly with a plan.
func (tr *trial) rolloutArgs() []string {
	args := []string{"rollout", "shop=" + tr.to, "--to", group, "--yes"}
	shapes := [][]string{
		{"--no-gate"},
		{"--no-gate", "--batches", "1,100%"},
		{"--no-gate", "--batches", "25%", "--parallel", "3"},
		{"--batches", "1,100%", "--settle", "100ms", "--deadline", "2m"},
	}
	if tr.dice.IntN(4) == 0 {
		args = append(args, "--no-plan")
	}
	return append(args, shapes[tr.dice.IntN(len(shapes))]...)
}

// begin starts a command.
func (tr *trial) begin(args []string) *program {
	return tr.start(append([]string{"--json"}, args...)...)
}

// moment waits for a random moment of a command's course, and reports whether it
// still runs then. Half of the moments are spread over the time that the command
// takes, and half over what it has to say, which comes in bursts: those lie just
// after an event was journaled, or between two.
func (tr *trial) moment(p *program, usual course) bool {
	began := time.Now()
	at, line := time.Duration(0), 0
	if tr.dice.IntN(2) == 0 {
		at = time.Duration(tr.dice.Float64() * 0.95 * float64(usual.took)) // the end is the other half's
		tr.tell("at %v", at.Round(time.Millisecond))
	} else {
		line = 1 + tr.dice.IntN(max(1, usual.lines-1))
		at = time.Duration(tr.dice.Float64() * float64(40*time.Millisecond))
		tr.tell("%v after line %d", at.Round(time.Millisecond), line)
	}
	for !p.over() && p.out.lines() < line {
		time.Sleep(time.Millisecond)
		began = time.Now()
	}
	select {
	case <-p.ended:
		return false
	case <-time.After(at - time.Since(began)):
		return !p.over()
	}
}

// course returns what a command usually takes: one of the same shape, else one of
// the same name, else a rollout.
func (tr *trial) course(args []string) course {
	for _, name := range []string{shapeOf(args), args[0]} {
		if usual, ok := tr.usual[name]; ok {
			return usual
		}
	}
	return tr.usual["rollout"]
}

// learn notes what a command took that nothing happened to.
func (tr *trial) learn(args []string, p *program, took time.Duration) {
	for _, name := range []string{shapeOf(args), args[0]} {
		tr.usual[name] = course{took, p.out.lines()}
	}
}

// shapeOf is a command without what it is about, which comes second.
func shapeOf(args []string) string { return strings.Join(slices.Delete(slices.Clone(args), 1, 2), " ") }

// state returns what the journal says of the trial's rollout, nil if it has none.
func (tr *trial) state() (id rollout.ID, state *rollout.State) {
	tr.t.Helper()
	ctx := tr.t.Context()
	b, err := bus.Open(ctx, bus.Options{State: tr.path("state")})
	tr.must(err)
	defer func() { tr.must(b.Close()) }()
	j := journal.New(b, "story")
	all, err := j.List(ctx)
	tr.must(err)
	if len(all) == 0 || all[0].Created.Spec.Packages[0].Version != tr.to {
		return "", nil
	}
	state, err = j.Read(ctx, all[0].ID)
	tr.must(err)
	return all[0].ID, state
}

// wrongf fails the trial, and keeps what there is to understand it by.
func (tr *trial) wrongf(kind, format string, a ...any) {
	tr.t.Helper()
	tr.found[kind]++
	tr.t.Errorf("trial %d of seed %d: %s\nwhat happened: %s\nkept in %s", tr.number, tr.seed, fmt.Sprintf(format, a...), strings.Join(tr.told, "; "), tr.keep())
}

// keep copies the journal, the hosts' jobs and dpkg's logs to a folder that
// stays.
func (tr *trial) keep() string {
	tr.t.Helper()
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("aptfleet-chaos-%d", tr.seed), fmt.Sprintf("%s-%d", filepath.Base(tr.t.Name()), tr.number))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	tr.must(os.MkdirAll(dir, 0o755))
	_, state := tr.state()
	err := os.WriteFile(filepath.Join(dir, "events"), []byte(tr.run("watch").String()+fmt.Sprintf("\n%+v\n", state)), 0o644)
	for _, h := range tr.lab.Hosts() {
		err = errors.Join(err, os.CopyFS(filepath.Join(dir, h.Name(), "aptfleet"), os.DirFS(h.Path("/var/lib/aptfleet/jobs"))),
			os.WriteFile(filepath.Join(dir, h.Name(), "dpkg.log"), []byte(tr.read(h, dpkgLog)), 0o644))
	}
	tr.must(err)
	return dir
}
