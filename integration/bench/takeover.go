package main

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
)

// takeover has a story kill the controller of a rollout again and again, on a
// cluster of three nodes: it says how long it took at worst until another one had
// taken the rollout, from the kill to the event in the journal.
func takeover(ctx context.Context, b *bench) error {
	out, err := goTest(ctx, "integration", "TestTakeover")
	if err != nil {
		return err
	}
	said := regexp.MustCompile(`taken over after \[(.*)\], at worst (\S+)`).FindStringSubmatch(out)
	if said == nil {
		return fmt.Errorf("the story does not say how long it took: %s", lastLines(out, 5))
	}
	fmt.Fprintln(b.log, "takeover:", said[0])
	took, err := time.ParseDuration(said[2])
	if err != nil {
		return err
	}
	b.table.Add(measure.Claim{What: "takeover of a rollout whose controller was killed, at worst", Unit: measure.Seconds, Ours: took.Seconds(), Most: 15})
	return nil
}
