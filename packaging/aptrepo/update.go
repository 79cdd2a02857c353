package aptrepo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"
)

// update runs change as the only one that changes the repository, after it has
// cleaned up what an earlier one may have left.
func (r *Repository) update(ctx context.Context, change func() error) error {
	if r.keys == nil {
		return errors.New("the repository was opened without a signing key")
	}
	if err := r.keys.Unlock(); err != nil {
		return err
	}
	unlock, err := r.files.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.recover(); err != nil {
		return fmt.Errorf("cannot clean up after an interrupted publish: %w", err)
	}
	err = change()
	if err != nil {
		_ = r.recover() // at best; the next update does it, or says why it can't
	}
	return err
}

// replace moves a suite to its next generation: old with sorted edits, whose
// packages are in pool. It returns the edits that changed something; without
// any there is no new generation, unless the suite has none yet.
func (r *Repository) replace(ctx context.Context, old generation, edits []entry, pool []incoming) ([]entry, error) {
	n := &next{old: old, new: generation{release: old.release}, files: r.files}
	defer n.discard()
	if err := n.index(r.settings.Architectures, edits); err != nil {
		return nil, err
	}
	if len(n.changes) == 0 && old.id != "" {
		return nil, r.mend(n, pool)
	}
	if err := r.signedByUs(old); err != nil {
		return nil, err
	}
	return n.changes, r.commit(ctx, n, pool)
}

// signedByUs refuses to build on a release that somebody has changed, and to go on
// with other keys than those that hosts know: only Resign does.
func (r *Repository) signedByUs(g generation) error {
	if g.id == "" {
		return nil
	}
	if _, err := r.keys.VerifyClear(g.signed); err != nil {
		return fmt.Errorf("%s: no key here has signed its InRelease as it is, and hosts would refuse the next one: bring back that key or that file; "+
			"or, where hosts shall trust the key that is here, \"repo sign\" and enroll them again: %w", g.suite, err)
	}
	return nil
}

// mend puts files back into the pool that a suite has in its index already.
func (r *Repository) mend(n *next, pool []incoming) error {
	if len(pool) == 0 {
		return nil
	}
	if err := r.intend(n.old.suite, pool); err != nil {
		return err
	}
	packages, err := n.copyAll(pool)
	if err != nil {
		return err
	}
	if err := r.files.Commit(packages...); err != nil {
		return err
	}
	return r.files.Remove(intentionName)
}

// Resign signs all suites anew, as they are. It belongs to a change of keys:
// once a key was added, and hosts may be enrolled with it, every suite must
// carry its signature, the one in which nothing was published too.
func (r *Repository) Resign(ctx context.Context) error {
	err := r.update(ctx, func() error {
		suites, err := r.suites()
		if err != nil {
			return err
		}
		for _, suite := range suites {
			if err := r.resign(ctx, suite); err != nil {
				return fmt.Errorf("%s: %w", suite, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot sign the repository anew: %w", err)
	}
	return nil
}

func (r *Repository) resign(ctx context.Context, suite string) error {
	old, err := r.current(suite)
	if err != nil {
		return err
	}
	n := &next{old: old, new: generation{release: old.release}, files: r.files}
	defer n.discard()
	return r.commit(ctx, n, nil)
}

// commit writes the generation in the order that keeps clients of the old one
// content: whatever InRelease refers to is durable before InRelease is.
func (r *Repository) commit(ctx context.Context, n *next, pool []incoming) error {
	var err error
	if n.new.date, err = r.date(ctx, n.old); err != nil {
		return err
	}
	text := n.new.bytes()
	n.new.id = hashOf(text)
	signed, err := r.sign(n, text)
	if err != nil {
		return err
	}
	if err := r.intend(n.new.suite, pool); err != nil {
		return err
	}
	packages, err := n.copyAll(pool)
	if err != nil {
		return err
	}
	gone := n.retire(r.now())
	described, err := n.draftJSON(tableName(n.new.suite, n.new.id), table{tableVersion, n.new.indices, n.new.past})
	if err != nil {
		return err
	}
	n.dateIndices()
	if err := r.files.Commit(slices.Concat(packages, n.byHash, []Put{described})...); err != nil {
		return err
	}
	if err := r.files.Commit(slices.Concat(n.plain, signed)...); err != nil {
		return err
	}
	if n.old.id != "" && n.old.id != n.new.id {
		gone = append(gone, tableName(n.old.suite, n.old.id))
	}
	// The suite has moved on, so this is no failure: what stays is named in the
	// intention, and goes with the next update.
	if r.files.Remove(gone...) == nil {
		_ = r.files.Remove(intentionName)
	}
	return nil
}

// copyAll makes drafts of packages.
func (n *next) copyAll(pool []incoming) ([]Put, error) {
	puts := make([]Put, len(pool))
	for i, p := range pool {
		var err error
		if puts[i], err = p.copy(n.files); err != nil {
			return nil, err
		}
		n.drafts = append(n.drafts, puts[i].Draft)
	}
	return puts, nil
}

// sign returns the three files that are the release, InRelease last.
func (r *Repository) sign(n *next, text []byte) ([]Put, error) {
	inRelease, err := r.keys.ClearSign(text)
	if err != nil {
		return nil, err
	}
	detached, err := r.keys.DetachSign(text)
	if err != nil {
		return nil, err
	}
	var puts []Put
	for _, f := range []struct {
		name string
		data []byte
	}{{"Release", text}, {"Release.gpg", detached}, {"InRelease", inRelease}} {
		p, err := n.draft(path.Join("dists", n.new.suite, f.name), f.data)
		if err != nil {
			return nil, err
		}
		puts = append(puts, p)
	}
	return puts, nil
}

const (
	behind    = time.Minute // of the clock, for hosts whose clocks are slow
	mostAhead = time.Minute // of the clock, before it must have been set back
)

// date returns the date of the generation after old, and waits until it is not
// in the future.
func (r *Repository) date(ctx context.Context, old generation) (time.Time, error) {
	now := r.now()
	date := now.Add(-behind).Truncate(time.Second)
	if least := old.date.Add(time.Second); date.Before(least) {
		date = least
	}
	wait := date.Sub(now)
	if wait > mostAhead {
		return date, fmt.Errorf("cannot date the release of %s: the last is of %s, and this machine's clock says %s; hosts ignore a release that is older than theirs: %w",
			old.suite, old.date.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), ErrClock)
	}
	if wait <= 0 {
		return date, nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return date, nil
	case <-ctx.Done():
		return date, context.Cause(ctx)
	}
}

// put writes a small file of ours, as JSON.
func (r *Repository) put(name string, value any) error {
	n := &next{files: r.files}
	defer n.discard()
	p, err := n.draftJSON(name, value)
	if err != nil {
		return err
	}
	return r.files.Commit(p)
}

func (n *next) draftJSON(name string, value any) (Put, error) {
	p, err := n.draft(name, nil)
	if err != nil {
		return Put{}, err
	}
	if err := json.NewEncoder(p.Draft).Encode(value); err != nil { // in one write
		return Put{}, fmt.Errorf("cannot write %s: %w", name, err)
	}
	return p, nil
}
