package main

import (
	"context"

	"github.com/aptfleet/aptfleet/integration/bench/measure"
)

// knownhosts measures what the index over known_hosts takes: reading a file of
// 10,000 hashed names and checking the key of each host against it. A scan of
// all lines for each, as the library has it, takes minutes.
func knownhosts(ctx context.Context, b *bench) error {
	took, err := b.goBenchmark(ctx, "controller/remote", "BenchmarkKnownHosts10000")
	if err != nil {
		return err
	}
	b.table.Add(measure.Claim{What: "check of 10,000 hashed known_hosts", Unit: measure.Seconds, Ours: took["ns/op"] / 1e9, Most: 0.2})
	return nil
}
