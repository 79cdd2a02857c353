package aptrepo

import (
	"context"
	"fmt"
	"slices"
)

// Promote copies a version of a package, in all its architectures, from one
// suite to another. Nothing is built or read again. If the suite has it
// already, nothing is written.
func (r *Repository) Promote(ctx context.Context, name, version, from, to string) error {
	err := r.update(ctx, func() error {
		source, err := r.current(from)
		if err != nil {
			return err
		}
		target, err := r.current(to)
		if err != nil {
			return err
		}
		found, err := r.find(source, name, version)
		if err != nil {
			return err
		}
		_, err = r.replace(ctx, target, found, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot promote %s %s from %s to %s: %w", name, version, from, to, err)
	}
	return nil
}

// Remove takes a version of a package, in all its architectures, out of a
// suite. Its file stays in the pool until Prune, so that a host in the middle
// of a download gets it.
func (r *Repository) Remove(ctx context.Context, suite, name, version string) error {
	err := r.update(ctx, func() error {
		old, err := r.current(suite)
		if err != nil {
			return err
		}
		found, err := r.find(old, name, version)
		if err != nil {
			return err
		}
		_, err = r.replace(ctx, old, away(found), nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot remove %s %s from %s: %w", name, version, suite, err)
	}
	return nil
}

// away turns entries into edits that take them away.
func away(entries []entry) []entry {
	edits := make([]entry, len(entries))
	for i, e := range entries {
		edits[i] = entry{key: e.key}
	}
	return edits
}

// find returns a version of a package in all its architectures.
func (r *Repository) find(g generation, name, version string) ([]entry, error) {
	var found []entry
	for _, x := range g.indices {
		entries, err := r.findIn(g.suite, x, key{Name: name, Version: version})
		if err != nil {
			return nil, err
		}
		found = append(found, entries...)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s %s is not in %s: %w", name, version, g.suite, ErrNotPublished)
	}
	sortEntries(found)
	return slices.CompactFunc(found, func(a, b entry) bool { return a.key == b.key }), nil
}

// findIn reads only the chunks that can have the package. k has no
// architecture, and so comes before all that have one.
func (r *Repository) findIn(suite string, x index, k key) ([]entry, error) {
	if len(x.Chunks) == 0 {
		return nil, nil
	}
	file, err := r.files.Open(byHash(dirOf(suite, x.Architecture), x.Plain))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var found []entry
	for i := x.home(k); i < len(x.Chunks); i++ {
		if first := x.Chunks[i].First; first.compare(k) > 0 && (first.Name != k.Name || first.Version != k.Version) {
			break
		}
		entries, err := x.read(file, i)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Name == k.Name && e.Version == k.Version {
				found = append(found, e)
			}
		}
	}
	return found, nil
}
