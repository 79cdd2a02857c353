package aptrepo

import (
	"context"
	"fmt"
	"slices"
)

// Published is a package that Publish was given.
type Published struct {
	Package
	Already bool // the suite had it, with the same content
}

// Publish puts package files into a suite: all of them in one step, or none. It
// returns them in the order of their names and versions. A package that the
// repository has with the same content is taken from there; one with other
// content is ErrConflict. If the suite has all of them, nothing is written but
// files that the pool has lost, or has damaged.
func (r *Repository) Publish(ctx context.Context, suite string, debs ...string) ([]Published, error) {
	var published []Published
	err := r.update(ctx, func() (err error) {
		old, err := r.current(suite)
		if err != nil {
			return err
		}
		in, err := intake(ctx, debs)
		if err != nil {
			return err
		}
		published, err = r.publish(ctx, old, in)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot publish to %s: %w", suite, err)
	}
	return published, nil
}

func (r *Repository) publish(ctx context.Context, old generation, in []incoming) ([]Published, error) {
	in, err := unite(in)
	if err != nil {
		return nil, err
	}
	pool, err := r.fresh(old, in)
	if err != nil {
		return nil, err
	}
	edits := make([]entry, len(in))
	for i, p := range in {
		edits[i] = p.entry
	}
	changes, err := r.replace(ctx, old, edits, pool)
	if err != nil {
		return nil, err
	}
	published := make([]Published, len(in))
	for i, p := range in {
		_, changed := slices.BinarySearchFunc(changes, p.key, func(e entry, k key) int { return e.compare(k) })
		published[i] = Published{Package: p.Package, Already: !changed}
	}
	return published, nil
}
