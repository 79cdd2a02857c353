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
//
// aptfleet is there three times: bare, which does no more than the peer; as a
// rollout is by itself, with a plan of all hosts and everything fetched before the
// first one; and on the way back from that.
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
	if err := r.claim(ctx, "our suite alone", 1.05, 1.3, r.unchanged); err != nil {
		return err
	}
	large, err := r.addLargeSuite(ctx)
	if err != nil {
		return err
	}
	defer large.Close()
	if err := r.claim(ctx, "and a large one that changed", 0.35, 0.5, large.suite.change); err != nil {
		return err
	}
	if got, want := int(large.suite.fetched.Load()), len(r.fleet.Hosts())*max(1, r.contest.Rounds); got != want {
		return fmt.Errorf("the large suite was fetched %d times, want %d: by each host in each run of parallel-ssh", got, want)
	}
	return r.claim(ctx, "and a large one that did not", 0.35, 0.5, r.unchanged)
}

func (r *rollouts) unchanged() error { return nil }

// claim compares the ways to upgrade all hosts, each after before, and the way back.
// bare and planned are the most that these may take of the peer's time.
func (r *rollouts) claim(ctx context.Context, sources string, bare, planned float64, before func() error) error {
	hosts := fmt.Sprintf("on %d hosts, %s", len(r.fleet.Hosts()), sources)
	fmt.Fprintln(r.log, "rollout", hosts)
	runs, err := r.contest.Run(ctx,
		r.upgrade("bare", r.aptfleetRollout("--no-plan"), before), r.upgrade("parallel-ssh", r.parallelSSH, before),
		r.upgrade("planned", r.aptfleetRollout(), before), r.goBack("rollback"))
	if err != nil {
		return err
	}
	claim := func(what, ours, peer string, most float64) measure.Claim {
		return measure.Claim{
			What: fmt.Sprintf("%s %s: wall time", what, hosts), Unit: measure.Seconds,
			Ours: runs[ours].Median().Wall.Seconds(), Beside: peer, Peer: runs[peer].Median().Wall.Seconds(), Most: most,
		}
	}
	r.table.Add(
		claim("rollout without a plan", "bare", "parallel-ssh", bare),
		claim("rollout with plan and prefetch", "planned", "parallel-ssh", planned),
		claim("rollback", "rollback", "planned", 1),
	)
	return nil
}
