package main

import (
	"context"
	"fmt"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
	"github.com/aptfleet/aptfleet/integration/lab"
)

// rollout measures a whole rollout of a package of 2 MB on real hosts, as a
// process beside parallel-ssh with what people type into it. First our small
// suite is all that the hosts have in their sources, then one as large as
// Debian's main stands beside it.
//
// What makes it fair: every run brings a version that no host has seen, so that
// each fetches our lists anew, fetches the package and upgrades by it; both are
// asked for the exact version, on all hosts at once. The large suite publishes
// something before every run of either, so that no run lives on lists which the
// other one has fetched. Since Debian's own suites may have changed or not when
// somebody rolls out, the last pair of runs has a large suite that stands still:
// then the peer fetches none of it, and only pays for apt's caches. The suite has
// no translations, which a host of Debian's own suites would fetch as well. After
// each run every host is asked what it has installed.
func rollout(ctx context.Context, b *bench) error {
	fleet, err := lab.Start(ctx, lab.Options{Count: 16, Log: b.log})
	if err != nil {
		return err
	}
	defer fleet.Close()
	if fleet.Kind() != lab.Booted {
		b.table.LeaveOut("rollout on 16 hosts", fleet.Reason())
		return nil
	}
	r := &rollouts{bench: b, fleet: fleet}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	defer r.stopServing()
	return r.measure(ctx)
}

func (r *rollouts) measure(ctx context.Context) error {
	if err := r.claim(ctx, "our suite alone", 1.05, r.unchanged); err != nil {
		return err
	}
	large, err := r.addLargeSuite(ctx)
	if err != nil {
		return err
	}
	defer large.Close()
	if err := r.claim(ctx, "and a large one that changed", 0.35, large.suite.change); err != nil {
		return err
	}
	if got, want := int(large.suite.fetched.Load()), len(r.fleet.Hosts())*max(1, r.contest.Rounds); got != want {
		return fmt.Errorf("the large suite was fetched %d times, want %d: by each host in each run of parallel-ssh", got, want)
	}
	return r.claim(ctx, "and a large one that did not", 0.35, r.unchanged)
}

func (r *rollouts) unchanged() error { return nil }

// claim compares both ways to upgrade all hosts, each after before.
func (r *rollouts) claim(ctx context.Context, sources string, most float64, before func() error) error {
	fmt.Fprintf(r.log, "rollout on %d hosts: %s\n", len(r.fleet.Hosts()), sources)
	runs, err := r.contest.Run(ctx, r.upgrade("aptfleet", r.aptfleetRollout, before), r.upgrade("parallel-ssh", r.parallelSSH, before))
	if err != nil {
		return err
	}
	ours, peer := runs["aptfleet"].Median(), runs["parallel-ssh"].Median()
	r.table.Add(measure.Claim{
		What: fmt.Sprintf("rollout on %d hosts, %s: wall time", len(r.fleet.Hosts()), sources), Unit: measure.Seconds,
		Ours: ours.Wall.Seconds(), Beside: "parallel-ssh", Peer: peer.Wall.Seconds(), Most: most,
	})
	return nil
}
