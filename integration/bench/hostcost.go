package main

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
	"github.com/aptfleet/aptfleet/integration/lab"
)

// hostcost measures what a rollout costs a host, as CPU time of all that runs there,
// beside what people type into parallel-ssh. It is what the wall time of a rollout
// comes to where many hosts share few cores, and noise of the machine hardly shows
// in it; the targets are those of that wall time (see rollout).
func hostcost(ctx context.Context, b *bench) error {
	fleet, err := lab.Start(ctx, lab.Options{Log: b.log})
	if err != nil {
		return err
	}
	defer fleet.Close()
	host := fleet.Hosts()[0]
	if _, err := lab.CPUTime(host); errors.Is(err, errors.ErrUnsupported) {
		b.table.LeaveOut("what a rollout costs a host", err.Error())
		return nil
	}
	r := &rollouts{bench: b, fleet: fleet}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	defer r.stopServing()
	runs, err := r.contest.Run(ctx,
		onHost(host, r.upgrade("bare", r.aptfleetRollout("--no-plan"), r.unchanged)),
		onHost(host, r.upgrade("parallel-ssh", r.parallelSSH, r.unchanged)),
		onHost(host, r.upgrade("planned", r.aptfleetRollout(), r.unchanged)),
		onHost(host, r.goBack("rollback")))
	if err != nil {
		return err
	}
	claim := func(what, ours, peer string, most float64) measure.Claim {
		return measure.Claim{
			What: what + " on one host: its CPU", Unit: measure.Seconds,
			Ours: runs[ours].Median().CPU.Seconds(), Beside: peer, Peer: runs[peer].Median().CPU.Seconds(), Most: most,
		}
	}
	r.table.Add(
		claim("rollout without a plan", "bare", "parallel-ssh", 1.05),
		claim("rollout with plan and prefetch", "planned", "parallel-ssh", 1.3),
		claim("rollback", "rollback", "planned", 1),
		claim("rollback", "rollback", "parallel-ssh", math.Inf(1)),
	)
	return nil
}

// onHost has the contestant's CPU be the host's, from before it publishes until its
// result is checked.
func onHost(host lab.Host, c measure.Contestant) measure.Contestant {
	return measure.Contestant{Name: c.Name, Run: func(ctx context.Context) (measure.Cost, error) {
		before, err := lab.CPUTime(host)
		if err != nil {
			return measure.Cost{}, err
		}
		cost, err := c.Run(ctx)
		if err != nil {
			return cost, err
		}
		after, err := lab.CPUTime(host)
		if err != nil {
			return cost, fmt.Errorf("after %s: %w", c.Name, err)
		}
		cost.CPU = after - before
		return cost, nil
	}}
}
