package main

import (
	"context"
	"errors"
	"time"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
	"github.com/aptfleet/aptfleet/integration/simhost"
	"golang.org/x/crypto/ssh"
)

// ping measures reaching many hosts over SSH: alone against the arithmetic
// that cannot be avoided, and beside parallel-ssh. The hosts are simulated in
// this process, whose cost does not count.
func ping(ctx context.Context, b *bench) error {
	return errors.Join(b.pingBesidePeer(ctx), b.pingMany(ctx))
}

// pingBesidePeer reaches 1,000 hosts beside parallel-ssh with its defaults,
// which do best by its own CPU.
func (b *bench) pingBesidePeer(ctx context.Context) error {
	sim, err := b.simulate(simhost.Options{Hosts: 1000})
	if err != nil {
		return err
	}
	defer sim.Close()
	aptfleet, err := sim.aptfleet(b, "ping", "all", "--quiet")
	if err != nil {
		return err
	}
	runs, err := b.contest.Run(ctx, aptfleet, sim.parallelSSH(32, "true"))
	if err != nil {
		return err
	}
	ours, peer := runs["aptfleet"].Median(), runs["parallel-ssh"].Median()
	b.table.Add(
		measure.Claim{What: "ping of 1,000 hosts: CPU", Unit: measure.Seconds, Ours: ours.CPU.Seconds(), Beside: "parallel-ssh", Peer: peer.CPU.Seconds(), Most: 1. / 6},
		measure.Claim{What: "ping of 1,000 hosts: wall time", Unit: measure.Seconds, Ours: ours.Wall.Seconds(), Beside: "parallel-ssh", Peer: peer.Wall.Seconds(), Most: 1. / 3},
	)
	return nil
}

// pingMany reaches 10,000 hosts, 512 at a time, checking their keys against
// hashed names as Debian's ssh writes them.
func (b *bench) pingMany(ctx context.Context) error {
	const hosts = 10000
	sim, err := b.simulate(simhost.Options{Hosts: hosts})
	if err != nil {
		return err
	}
	defer sim.Close()
	aptfleet, err := sim.aptfleet(b, "ping", "all", "--quiet", "--parallel", "512")
	if err != nil {
		return err
	}
	before, err := measureArithmetic()
	if err != nil {
		return err
	}
	runs, err := b.contest.Run(ctx, aptfleet)
	if err != nil {
		return err
	}
	after, err := measureArithmetic()
	if err != nil {
		return err
	}
	ours, counted := runs["aptfleet"].Median(), sim.Counters()
	floor := (before.floorOf(counted.KeyExchanges) + after.floorOf(counted.KeyExchanges)) / 2
	b.table.Add(
		measure.Claim{What: "ping of 10,000 hosts: CPU a host", Unit: measure.Milliseconds, Ours: milliseconds(ours.CPU) / hosts, Beside: "its arithmetic", Peer: milliseconds(floor), Most: 6},
		measure.Claim{What: "ping of 10,000 hosts: peak memory", Unit: measure.Mebibytes, Ours: measure.MiB(ours.RSS), Most: 120},
		measure.Claim{What: "ping of 10,000 hosts: commands not run", Ours: float64(hosts*len(runs["aptfleet"])) - float64(counted.Commands), Most: 0},
	)
	return nil
}

// floorOf is the arithmetic of the key exchanges that were made, on average.
func (a arithmetic) floorOf(keyExchanges map[string]int64) time.Duration {
	var total time.Duration
	var connections int64
	for name, n := range keyExchanges {
		each := a.classic()
		if name == ssh.KeyExchangeMLKEM768X25519 {
			each = a.postQuantum()
		}
		total += each * time.Duration(n)
		connections += n
	}
	return total / time.Duration(max(1, connections))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
