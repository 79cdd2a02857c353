package aptrepo

import (
	"context"
	"fmt"
	"slices"
)

// Pruned is what Prune took away.
type Pruned struct {
	Packages []Package // out of their suites, one for each suite
	Files    []string  // out of the pool
}

// Prune takes out of every suite all but the newest keep versions of each
// package and architecture, and then out of the pool what no suite has had for
// an hour. What needed says yes to stays, whatever its age: a version that a
// host has, or would return to, must not go, since apt can't even repair a
// broken package whose version it does not find. keep 0 keeps all; needed may
// be nil.
func (r *Repository) Prune(ctx context.Context, keep int, needed func(Package) bool) (Pruned, error) {
	var pruned Pruned
	err := r.update(ctx, func() error {
		suites, err := r.suites()
		if err != nil {
			return err
		}
		for _, suite := range suites {
			gone, err := r.pruneSuite(ctx, suite, keep, needed)
			pruned.Packages = append(pruned.Packages, gone...)
			if err != nil {
				return fmt.Errorf("%s: %w", suite, err)
			}
		}
		pruned.Files, err = r.prunePool(suites)
		return err
	})
	if err != nil {
		return pruned, fmt.Errorf("cannot prune: %w", err)
	}
	return pruned, nil
}

func (r *Repository) pruneSuite(ctx context.Context, suite string, keep int, needed func(Package) bool) ([]Package, error) {
	if keep <= 0 {
		return nil, nil
	}
	g, err := r.current(suite)
	if err != nil {
		return nil, err
	}
	entries, err := r.entries(g)
	if err != nil {
		return nil, err
	}
	type line struct{ name, architecture string }
	newer := map[line]int{}
	var gone []Package
	var edits []entry
	for _, e := range slices.Backward(entries) { // newest first
		l := line{e.Name, e.Architecture}
		newer[l]++
		p, err := e.describe()
		if err != nil {
			return nil, err
		}
		if newer[l] <= keep || needed != nil && needed(p) {
			continue
		}
		gone = append(gone, p)
		edits = append(edits, entry{key: e.key})
	}
	slices.Reverse(edits)
	if len(edits) == 0 {
		return nil, nil
	}
	_, err = r.replace(ctx, g, edits, nil)
	return gone, err
}

// prunePool removes the packages that no suite has now or had within the time
// for which clients may still work with an older index.
func (r *Repository) prunePool(suites []string) ([]string, error) {
	named := map[string]bool{}
	for _, suite := range suites {
		g, err := r.current(suite)
		if err != nil {
			return nil, err
		}
		indices := g.plain()
		for _, p := range g.past {
			if r.now().Sub(p.Replaced) < keepTime {
				indices = append(indices, p.Plain...)
			}
		}
		if err := r.named(indices, named); err != nil {
			return nil, err
		}
	}
	pool, err := r.files.List("pool")
	if err != nil {
		return nil, err
	}
	gone := slices.DeleteFunc(pool, func(name string) bool { return named[name] })
	if len(gone) == 0 {
		return nil, nil
	}
	return gone, r.files.Remove(gone...)
}
