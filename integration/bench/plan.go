package main

import (
	"context"
	"math"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
	"github.com/aptfleet/aptfleet/integration/simhost"
	"github.com/aptfleet/aptfleet/integration/simjob"
)

// plan measures what a rollout of 10,000 simulated hosts costs its controller:
// to plan it, and to fold the journal that it leaves. The rollout in between, with
// its prefetch and jobs that take no time, is there to be known.
func plan(ctx context.Context, b *bench) error {
	const hosts = 10000
	debian := &simhost.Debian{}
	debian.Shell = (&simjob.Player{Debian: debian}).Play
	sim, err := b.simulate(simhost.Options{Hosts: hosts, Script: debian.Play})
	if err != nil {
		return err
	}
	defer sim.Close()
	planned, err := b.commandOf(ctx, sim, b.contest.Rounds, "plan", "sim", "--to", "all", "--parallel", "512")
	if err != nil {
		return err
	}
	carried, err := b.commandOf(ctx, sim, 1, "rollout", "sim", "--to", "all", "--parallel", "512", "--batches", "100%", "--no-gate", "--yes")
	if err != nil {
		return err
	}
	folded, err := b.commandOf(ctx, sim, b.contest.Rounds, "status", "R1")
	if err != nil {
		return err
	}
	b.table.Add(
		measure.Claim{What: "plan and fold 10,000 hosts: CPU a host", Unit: measure.Milliseconds, Ours: milliseconds(planned.CPU+folded.CPU) / hosts, Most: 3},
		measure.Claim{What: "plan and fold 10,000 hosts: peak memory", Unit: measure.Mebibytes, Ours: measure.MiB(max(planned.RSS, folded.RSS)), Most: 300},
		measure.Claim{What: "a whole rollout of them: CPU a host", Unit: measure.Milliseconds, Ours: milliseconds(carried.CPU) / hosts, Most: math.Inf(1)},
		measure.Claim{What: "a whole rollout of them: peak memory", Unit: measure.Mebibytes, Ours: measure.MiB(carried.RSS), Most: 300},
	)
	return nil
}

// commandOf runs a command of the real program, and returns its median cost.
func (b *bench) commandOf(ctx context.Context, sim *simulated, rounds int, words ...string) (measure.Cost, error) {
	command, err := sim.aptfleet(b, append(words, "--quiet")...)
	if err != nil {
		return measure.Cost{}, err
	}
	command.Name += " " + words[0]
	contest := b.contest
	contest.Rounds = rounds
	runs, err := contest.Run(ctx, command)
	return runs[command.Name].Median(), err
}
