package aptrepo

import (
	"fmt"
	"slices"
)

// List returns the packages of a suite by name and version, oldest first.
func (r *Repository) List(suite string) ([]Package, error) {
	packages, err := r.list(suite)
	if err != nil {
		return nil, fmt.Errorf("cannot list %s: %w", suite, err)
	}
	return packages, nil
}

func (r *Repository) list(suite string) ([]Package, error) {
	if err := validateSuite(suite); err != nil {
		return nil, err
	}
	g, err := r.readRelease(suite)
	if err != nil {
		return nil, err
	}
	entries, err := r.entries(g)
	if err != nil {
		return nil, err
	}
	packages := make([]Package, len(entries))
	for i, e := range entries {
		if packages[i], err = e.describe(); err != nil {
			return nil, err
		}
	}
	return packages, nil
}

// entries returns all stanzas of a generation, each once.
func (r *Repository) entries(g generation) ([]entry, error) {
	var all []entry
	for _, x := range g.indices {
		entries, err := readIndex(r.files, dirOf(g.suite, x.Architecture), x)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	sortEntries(all)
	return slices.CompactFunc(all, func(a, b entry) bool { return a.key == b.key }), nil
}
