package aptrepo

import (
	"bytes"
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
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/aptfleet/aptfleet/packaging/deb"
)

// incoming is a package file that is to be published, read and found good.
type incoming struct {
	entry
	Package
	from     string
	modified time.Time // when it was read
}

// intake reads package files. It takes all of them or none, and names every one
// that is bad. It writes nothing.
func intake(ctx context.Context, paths []string) ([]incoming, error) {
	in := make([]incoming, len(paths))
	errs := make([]error, len(paths))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		g.Go(func() error {
			if errs[i] = context.Cause(ctx); errs[i] != nil {
				return nil
			}
			if in[i], errs[i] = take(path); errs[i] != nil {
				errs[i] = fmt.Errorf("cannot publish %s: %w", path, errs[i])
			}
			return nil
		})
	}
	_ = g.Wait() // always nil: the errors are in errs
	return in, errors.Join(errs...)
}

func take(path string) (incoming, error) {
	file, err := os.Open(path)
	if err != nil {
		return incoming{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return incoming{}, err
	}
	if !info.Mode().IsRegular() {
		return incoming{}, errors.New("it is no regular file")
	}
	control, err := deb.Verify(file, info.Size())
	if err != nil {
		return incoming{}, err
	}
	if control.Architecture == "all" && control.Get("Multi-Arch") == "same" {
		return incoming{}, errors.New("it has Architecture: all with Multi-Arch: same, which makes every apt update warn: use foreign, or leave it out")
	}
	sum, err := sumOf(file)
	if err != nil {
		return incoming{}, err
	}
	// Copies, so that not all that was read of ten thousand packages stays.
	k := key{strings.Clone(control.Name), strings.Clone(control.Version), strings.Clone(control.Architecture)}
	p := Package{k.Name, k.Version, k.Architecture, poolName(k), info.Size(), sum}
	stanza, err := stanzaOf(control, p)
	return incoming{entry{k, bytes.Clone(stanza)}, p, path, info.ModTime()}, err
}

// buffers are for reading many small files.
var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

func sumOf(r io.Reader) (string, error) {
	buffer := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buffer)
	sum := sha256.New()
	// Only a reader: a file would copy itself, through a buffer of its own.
	_, err := io.CopyBuffer(sum, struct{ io.Reader }{r}, buffer[:])
	return hex.EncodeToString(sum.Sum(nil)), err
}

// copy makes a draft with the content of the package.
func (p incoming) copy(files Files) (Put, error) {
	file, err := os.Open(p.from)
	if err != nil {
		return Put{}, err
	}
	defer file.Close()
	draft, err := files.Create(p.Filename)
	if err != nil {
		return Put{}, err
	}
	err = draft.CopyFrom(file, 0, p.Size)
	if now, statErr := file.Stat(); err == nil && (statErr != nil || now.Size() != p.Size || !now.ModTime().Equal(p.modified)) {
		err = errors.Join(errors.New("it changed while it was published"), statErr)
	}
	if err = errors.Join(err, draft.Close()); err != nil {
		draft.Discard()
		return Put{}, fmt.Errorf("cannot publish %s: %w", p.from, err)
	}
	return Put{Name: p.Filename, Draft: draft}, nil
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
func (r *Repository) fresh(in []incoming) ([]incoming, error) {
	var fresh []incoming
	for _, p := range in {
		sum, err := r.pooledSum(p.Filename)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			fresh = append(fresh, p)
		case err != nil:
			return nil, err
		case sum != p.SHA256:
			return nil, fmt.Errorf("cannot publish %s: %s: %w", p.from, p.key, ErrConflict)
		}
	}
	return fresh, nil
}

func (r *Repository) pooledSum(name string) (string, error) {
	file, err := r.files.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return sumOf(file)
}
