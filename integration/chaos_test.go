package integration

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
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
			killed.trialsOf((*trial).killed)
		})
		t.Run("cut", func(t *testing.T) {
			t.Parallel()
			cut = newChaos(t, seed)
			cut.trialsOf((*trial).cut)
		})
	})
	var table measure.Table
	table.Add(killed.claims("controller killed %d times")...)
	table.Add(cut.claims("links cut %d times")...)
	var text strings.Builder
	if _, err := table.WriteTo(&text); err != nil {
		t.Error(err)
	}
	t.Logf("\n%s", text.String())
}

// chaos is a fleet on which one trial follows the other.
type chaos struct {
	*fleet
	seed    uint64
	version string            // of shop, which all hosts have
	last    int               // second number of the version published last
	usual   map[string]course // what commands take that nothing happens to
	mark    map[string]int    // of each host, how much of dpkg's log was there before the trial

	trials, blows                int // blows hit: kills, or links that were cut
	wrong, double, unclean, left int // what must not be
	began                        time.Time
}

// course is how long a command takes and how many lines it prints.
type course struct {
	took  time.Duration
	lines int
}

// newChaos starts hosts that have shop 1.0: twelve, and six where few rollouts
// are asked for. The controller's patience is short, so that what a person would
// wait ten minutes for happens while we look.
func newChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	count := 12
	if *chaosRollouts < count {
		count = 6
	}
	f := bootedFleet(t, lab.Options{Count: count, Suites: []string{lab.Bookworm, lab.Trixie}})
	inventory := strings.Replace(f.lab.Inventory(group), "[defaults]\n", "[defaults]\nconnect_timeout = \"4s\"\n", 1)
	f.write("inventory.toml", inventory+"\n[groups."+group+".health]\npackages = [\"shop\"]\n")
	f.appendTo("aptfleet.toml", "reattach = \"20s\"\n")
	c := &chaos{fleet: f, seed: seed, version: "1.0", usual: map[string]course{}, mark: map[string]int{}, began: time.Now()}
	c.programFile()
	c.rollOut("shop=1.0", "--no-gate")
	return c
}

// trialsOf plays trials until as many as asked for were hit, and one before that
// nothing happens to.
func (c *chaos) trialsOf(play func(*trial)) {
	for number := 0; c.trials < *chaosRollouts && number < 2**chaosRollouts+1; number++ {
		tr := c.newTrial(number)
		blows := c.blows
		tr.play(play)
		if c.blows > blows {
			c.trials++
		}
	}
	if c.trials < *chaosRollouts {
		c.t.Errorf("only %d rollouts of %d were hit", c.trials, *chaosRollouts)
	}
}

// diceOf returns those of one trial, which fall independently of all others.
func (c *chaos) diceOf(number int) *rand.Rand { return rand.New(rand.NewPCG(c.seed, uint64(number))) }

// claims are the figures beside their targets.
func (c *chaos) claims(blows string) []measure.Claim {
	if c == nil { // -run picked the other
		return nil
	}
	what := fmt.Sprintf("%d rollouts on %d hosts, %s: ", c.trials, len(c.lab.Hosts()), fmt.Sprintf(blows, c.blows))
	count := func(of string, n int) measure.Claim { return measure.Claim{What: what + of, Ours: float64(n)} }
	return []measure.Claim{
		count("wrong verdicts", c.wrong),
		count("jobs that ran twice", c.double),
		count("hosts left unclean", c.unclean),
		count("leases left", c.left),
		{What: what + "time", Unit: measure.Seconds, Ours: time.Since(c.began).Seconds(), Most: math.Inf(1)},
	}
}
