package aptrepo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/aptfleet/aptfleet/packaging/deb"
)

// incoming is a package file that is to be published: checked, and copied into
// a draft.
type incoming struct {
	entry
	Package
	from  string
	draft Draft
}

// intake reads package files. It takes all of them or none, and names every one
// that is bad.
func (r *Repository) intake(ctx context.Context, paths []string) ([]incoming, error) {
	in := make([]incoming, len(paths))
	errs := make([]error, len(paths))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		g.Go(func() error {
			if errs[i] = context.Cause(ctx); errs[i] != nil {
				return nil
			}
			if in[i], errs[i] = r.take(path); errs[i] != nil {
				errs[i] = fmt.Errorf("cannot publish %s: %w", path, errs[i])
			}
			return nil
		})
	}
	_ = g.Wait() // always nil: the errors are in errs
	if err := errors.Join(errs...); err != nil {
		discard(in)
		return nil, err
	}
	return in, nil
}

func discard(in []incoming) {
	for _, p := range in {
		if p.draft != nil {
			p.draft.Discard()
		}
	}
}

func (r *Repository) take(path string) (incoming, error) {
	file, err := os.Open(path)
	if err != nil {
		return incoming{}, err
	}
	defer file.Close()
	before, err := file.Stat()
	if err != nil {
		return incoming{}, err
	}
	if !before.Mode().IsRegular() {
		return incoming{}, errors.New("it is no regular file")
	}
	control, err := deb.Verify(file, before.Size())
	if err != nil {
		return incoming{}, err
	}
	if control.Architecture == "all" && control.Get("Multi-Arch") == "same" {
		return incoming{}, errors.New("Architecture: all with Multi-Arch: same makes every apt update warn: use foreign, or leave it out")
	}
	draft, err := r.files.Create()
	if err != nil {
		return incoming{}, err
	}
	p, err := copyPackage(draft, file, control, before)
	if err = errors.Join(err, draft.Close()); err != nil {
		draft.Discard()
		return incoming{}, err
	}
	p.from, p.draft = path, draft
	return p, nil
}

// copyPackage copies the file and makes its stanza.
func copyPackage(draft Draft, file *os.File, control deb.Control, before fs.FileInfo) (incoming, error) {
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(draft, sum), file)
	if err != nil {
		return incoming{}, err
	}
	if after, err := file.Stat(); err != nil || size != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return incoming{}, errors.Join(errors.New("it changed while it was read"), err)
	}
	k := key{control.Name, control.Version, control.Architecture}
	p := Package{k.Name, k.Version, k.Architecture, poolName(k), size, hex.EncodeToString(sum.Sum(nil))}
	stanza, err := stanzaOf(control, p)
	return incoming{entry: entry{k, stanza}, Package: p}, err
}

// unite sorts what came in and leaves out files that came twice.
func unite(in []incoming) ([]incoming, error) {
	in = slices.Clone(in)
	slices.SortStableFunc(in, func(a, b incoming) int { return a.compare(b.key) })
	for i := 1; i < len(in); i++ {
		if in[i].key == in[i-1].key && in[i].SHA256 != in[i-1].SHA256 {
			return nil, fmt.Errorf("cannot publish %s and %s: both are %s, with different content", in[i-1].from, in[i].from, in[i].key)
		}
	}
	return slices.CompactFunc(in, func(a, b incoming) bool { return a.key == b.key }), nil
}

// fresh returns what the pool does not have yet. A package that it has with
// other content is refused, whichever suite it is in: hosts may have it.
func (r *Repository) fresh(in []incoming) ([]Put, error) {
	var puts []Put
	for _, p := range in {
		sum, err := r.sumOf(p.Filename)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			puts = append(puts, Put{Name: p.Filename, Draft: p.draft})
		case err != nil:
			return nil, err
		case sum != p.Package.SHA256:
			return nil, fmt.Errorf("cannot publish %s: %s: %w", p.from, p.key, ErrConflict)
		}
	}
	return puts, nil
}

func (r *Repository) sumOf(name string) (string, error) {
	file, err := r.files.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
