package main

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strconv"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
)

// How often the journal is crashed.
const (
	journalKills = 50
	journalCuts  = 20
)

// journal measures what an event costs that has to last, and what a rollout of
// 10,000 hosts takes to be read again, and loses power under both.
func journal(ctx context.Context, b *bench) error {
	const pkg = "controller/journal"
	appended, err := b.goBenchmark(ctx, pkg, "BenchmarkAppend")
	if err != nil {
		return err
	}
	const what = "journal: an event, until it is on the disk: "
	b.table.Add(measure.Claim{What: what + "median", Unit: measure.Milliseconds, Ours: appended["median-ns"] / 1e6, Most: 1})
	b.table.Add(measure.Claim{What: what + "99 % of them", Unit: measure.Milliseconds, Ours: appended["p99-ns"] / 1e6, Most: math.Inf(1)})
	read, err := b.goBenchmark(ctx, pkg, "BenchmarkRead")
	if err != nil {
		return err
	}
	b.table.Add(measure.Claim{What: "journal: read a rollout of 10,000 hosts again", Unit: measure.Seconds, Ours: read["ns/op"] / 1e9, Most: 2})
	if err := b.crash(ctx, pkg, "TestKilled", "kills", journalKills); err != nil {
		return err
	}
	return b.crash(ctx, pkg, "TestPowerCut", "power cuts", journalCuts)
}

// crash runs a test of crashes so often, which fails if an event is lost that was
// acknowledged.
func (b *bench) crash(ctx context.Context, pkg, test, what string, rounds int) error {
	out, err := goTest(ctx, pkg, test, "-rounds", strconv.Itoa(rounds))
	if err != nil {
		return err
	}
	done := regexp.MustCompile(`\d+ ` + what + `, (\d+) acknowledged events, none lost`).FindStringSubmatch(out)
	if done == nil {
		b.table.LeaveOut(fmt.Sprintf("journal: events lost over %d %s", rounds, what), "the machine cannot do that")
		return nil
	}
	b.table.Add(measure.Claim{What: fmt.Sprintf("journal: of %s acknowledged events, lost over %d %s", done[1], rounds, what), Ours: 0, Most: 0})
	return nil
}
