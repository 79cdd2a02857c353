package integration

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// `make chaos` sets the first of these to 100. With a seed of an earlier run the
// dice fall the same way, though the machine may not.
var (
	chaosRollouts = flag.Int("chaos", 4, "rollouts of each kind of chaos")
	chaosSeed     = flag.Uint64("chaos.seed", 0, "seed of the chaos; 0 takes one from the clock")
)

// TestChaos rolls out one version after the other, while the controller is
// killed at random moments and resumed, and, on another fleet, while the links of
// hosts are cut at random moments for random times. After each rollout every host
// has to be what the journal says of it, by work that was done once.
func TestChaos(t *testing.T) {
	t.Parallel()
	seed := *chaosSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d; -chaos.seed repeats it", seed)
	var killed, cut *chaos
	t.Run("fleets", func(t *testing.T) { // which are over once this returns
		t.Run("killed", func(t *testing.T) {
			t.Parallel()
			killed = newChaos(t, seed)
			killed.trialsOf((*trial).killed, "controllers killed")
		})
		t.Run("cut", func(t *testing.T) {
			t.Parallel()
			cut = newChaos(t, seed)
			cut.trialsOf((*trial).cut, "links cut")
		})
	})
	t.Logf("%s; %s", killed.figures(), cut.figures())
}

// chaos is a fleet on which one trial follows the other.
type chaos struct {
	*fleet
	seed    uint64
	version string            // of shop, which all hosts have
	last    int               // second number of the version published last
	usual   map[string]course // what commands take that nothing happens to, by shape and by name
	mark    map[string]int    // of each host, how much of dpkg's log was there before the trial

	blow          string         // what happens to the trials
	trials, blows int            // that were hit, and how often
	found         map[string]int // flaws, by kind
	began         time.Time
	took          time.Duration // by now
}

// course is how long a command takes and how many lines it prints.
type course struct {
	took  time.Duration
	lines int
}

// newChaos starts hosts that have shop 1.0: twelve, and six where few rollouts
// are asked for. The controller's patience is short, so that what a person would
// wait ten minutes for happens while we look: with the half minute after which a
// silent connection is taken for dead, it is over before most of the longest outages.
func newChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	count := 12
	if *chaosRollouts < count {
		count = 6
	}
	f := bootedFleet(t, lab.Options{Count: count, Suites: []string{lab.Bookworm, lab.Trixie}})
	inventory := strings.Replace(f.lab.Inventory(group), "[defaults]\n", "[defaults]\nconnect_timeout = \"4s\"\n", 1)
	f.write("inventory.toml", inventory+"\n[groups."+group+".health]\npackages = [\"shop\"]\n")
	f.appendTo("aptfleet.toml", "reattach = \"5s\"\n")
	c := &chaos{fleet: f, seed: seed, version: "1.0", usual: map[string]course{}, mark: map[string]int{}, found: map[string]int{}, began: time.Now()}
	c.programFile()
	c.rollOut("shop=1.0", "--no-gate")
	return c
}

// trialsOf plays trials until as many as asked for were hit, and one before that
// nothing happens to. After each it says what has come about so far: who stops the
// whole of it knows as much.
func (c *chaos) trialsOf(play func(*trial), blow string) {
	c.blow = blow
	for number := 0; c.trials < *chaosRollouts && number < 2**chaosRollouts+1; number++ {
		tr := c.newTrial(number)
		blows := c.blows
		took := tr.play(play)
		if c.blows > blows {
			c.trials++
		}
		c.took = time.Since(c.began)
		c.t.Logf("trial %d, %.1f s: %s. So far %s", number, took.Seconds(), strings.Join(tr.told, "; "), c.figures())
	}
	if c.trials < *chaosRollouts {
		c.t.Errorf("only %d rollouts of %d were hit", c.trials, *chaosRollouts)
	}
}

// diceOf returns those of one trial, which fall independently of all others.
func (c *chaos) diceOf(number int) *rand.Rand { return rand.New(rand.NewPCG(c.seed, uint64(number))) }

// figures are what has come about so far, and what must not have, in one line.
func (c *chaos) figures() string {
	if c == nil { // -run picked the other
		return "nothing of the other kind"
	}
	line := fmt.Sprintf("%d rollouts on %d hosts in %v, %d %s", c.trials, len(c.lab.Hosts()), c.took.Round(time.Second), c.blows, c.blow)
	for _, kind := range []string{wrong, double, unclean, leased} {
		line += fmt.Sprintf(", %d %s", c.found[kind], kind)
	}
	return line
}

// flaws is how many were found.
func (c *chaos) flaws() (n int) {
	for _, found := range c.found {
		n += found
	}
	return n
}
