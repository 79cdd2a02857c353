package main

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
	"github.com/aptfleet/aptfleet/integration/simhost"
	"github.com/aptfleet/aptfleet/integration/simjob"
)

// jobs measures what it takes to follow jobs on simulated hosts: memory while
// many live, and CPU for what they print.
func jobs(ctx context.Context, b *bench) error {
	fanout, err := b.buildFanout(ctx)
	if err != nil {
		return err
	}
	return errors.Join(b.liveJobs(ctx, fanout), b.jobLogs(ctx, fanout))
}

// simulateJobs starts hosts whose jobs take a time and print so many lines.
func (b *bench) simulateJobs(hosts int, took time.Duration, lines int) (*simulated, error) {
	debian := &simhost.Debian{}
	debian.Shell = (&simjob.Player{Debian: debian, Duration: took, Lines: lines}).Play
	return b.simulate(simhost.Options{Hosts: hosts, Script: debian.Play})
}

// liveJobs follows 200 jobs of 15 s that print 100 lines, beside parallel-ssh
// that waits for a command which does. The target is held by what does the
// same: connections and jobs. A whole rollout, which is also shown and written
// to the journal on a bus of its own, is there to be known.
func (b *bench) liveJobs(ctx context.Context, fanout string) error {
	sim, err := b.simulateJobs(200, 15*time.Second, 100)
	if err != nil {
		return err
	}
	defer sim.Close()
	jobs, peer := sim.fanout(fanout, 200, "-job", "sim"), sim.parallelSSH(200, "sim:dur=15s,lines=100")
	rollout, err := sim.aptfleet(b, "rollout", "sim", "--to", "all", "--parallel", "200", "--yes", "--no-plan")
	if err != nil {
		return err
	}
	rollout.Name = "aptfleet rollout"
	runs, err := b.contest.Run(ctx, jobs, rollout, peer)
	if err != nil {
		return err
	}
	peak := func(c measure.Contestant) float64 { return measure.MiB(runs[c.Name].Median().PSS) }
	b.table.Add(
		measure.Claim{What: "200 live jobs of 15 s: peak PSS", Unit: measure.Mebibytes, Ours: peak(jobs), Beside: peer.Name, Peer: peak(peer), Most: 1. / 8},
		measure.Claim{What: "a whole rollout of them: peak PSS", Unit: measure.Mebibytes, Ours: peak(rollout), Beside: peer.Name, Peer: peak(peer), Most: math.Inf(1)},
	)
	return nil
}

// jobLogs compares jobs that print 1,000 lines with jobs of the same length
// that print few: the difference is what a log costs.
func (b *bench) jobLogs(ctx context.Context, fanout string) error {
	const hosts, took = 200, 5 * time.Second
	few, err := b.simulateJobs(hosts, took, 20)
	if err != nil {
		return err
	}
	defer few.Close()
	many, err := b.simulateJobs(hosts, took, 1020)
	if err != nil {
		return err
	}
	defer many.Close()
	quiet, loud := few.fanout(fanout, hosts, "-job", "sim"), many.fanout(fanout, hosts, "-job", "sim")
	quiet.Name, loud.Name = "20 lines", "1,020 lines"
	runs, err := b.contest.Run(ctx, quiet, loud)
	if err != nil {
		return err
	}
	log := runs[loud.Name].Median().Minus(runs[quiet.Name].Median())
	b.table.Add(measure.Claim{What: "following a job's log of 1,000 lines: CPU", Unit: measure.Milliseconds, Ours: milliseconds(log.CPU) / hosts, Most: 3})
	return nil
}
