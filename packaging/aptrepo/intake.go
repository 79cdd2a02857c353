package aptrepo

import (
	"bytes"
	"cmp"
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
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aptfleet/aptfleet/packaging/deb"
	"github.com/aptfleet/aptfleet/pkg/debian"
)

// incoming is a package file that is to be published, read and found good.
type incoming struct {
	entry
	Package
	from     string
	modified time.Time // when it was read
	content  []byte    // of a small file; nil if it is to be read again
}

// Small files are kept in memory between reading and copying, up to a sum.
const (
	smallFile = 64 << 10
	mostKept  = 16 << 20
)

// intake reads package files. It takes all of them or none, and names every one
// that is bad. It writes nothing.
func intake(ctx context.Context, paths []string) ([]incoming, error) {
	in := make([]incoming, len(paths))
	errs := make([]error, len(paths))
	var next, kept atomic.Int64
	var readers sync.WaitGroup // few for all files: a goroutine a file would grow its stack each time
	for range min(len(paths), runtime.GOMAXPROCS(0)) {
		readers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(paths)); i = next.Add(1) - 1 {
				in[i], errs[i] = takeUnless(ctx, paths[i])
				if kept.Add(int64(len(in[i].content))) > mostKept {
					in[i].content = nil
				}
			}
		})
	}
	readers.Wait()
	return in, errors.Join(errs...)
}

func takeUnless(ctx context.Context, path string) (incoming, error) {
	if ctx.Err() != nil {
		return incoming{}, context.Cause(ctx)
	}
	in, err := take(path)
	if err != nil {
		return incoming{}, fmt.Errorf("cannot publish %s: %w", path, err)
	}
	return in, nil
}

func take(path string) (incoming, error) {
	fd, err := openFile(path, os.O_RDONLY, 0)
	if err != nil {
		return incoming{}, err
	}
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil || info.Mode&unix.S_IFMT != unix.S_IFREG {
		_ = unix.Close(fd) // nothing was written to it
		return incoming{}, cmp.Or(err, errors.New("it is no regular file"))
	}
	in := incoming{from: path, modified: time.Unix(info.Mtim.Unix())}
	if info.Size > smallFile {
		err = in.takeLarge(os.NewFile(uintptr(fd), path), info.Size)
		return in, err
	}
	in.content = make([]byte, info.Size)
	err = readFull(fd, path, in.content)
	if _ = unix.Close(fd); err != nil {
		return incoming{}, err
	}
	err = in.describe(bytes.NewReader(in.content), info.Size, hashOf(in.content))
	return in, err
}

// readFull fills buffer from the beginning of a file.
func readFull(fd int, path string, buffer []byte) error {
	for at := 0; at < len(buffer); {
		n := 0
		err := retried("read", path, func() (err error) {
			n, err = unix.Read(fd, buffer[at:])
			return err
		})
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		at += n
	}
	return nil
}

// takeLarge reads the file twice instead of into memory, and closes it.
func (p *incoming) takeLarge(file *os.File, size int64) error {
	defer file.Close()
	sum, err := sumOf(file)
	if err != nil {
		return err
	}
	return p.describe(file, size, sum)
}

// describe fills in what the package is.
func (p *incoming) describe(r io.ReaderAt, size int64, sum string) error {
	control, err := deb.Verify(r, size)
	if err != nil {
		return err
	}
	if control.Architecture == "all" && control.Get("Multi-Arch") == "same" {
		return errors.New("it has Architecture: all with Multi-Arch: same, which makes every apt update warn: use foreign, or leave it out")
	}
	// Copies, so that not all that was read of ten thousand packages stays.
	p.key = key{strings.Clone(control.Name), strings.Clone(debian.InstalledVersion(control.Version)), strings.Clone(control.Architecture)}
	p.Package = Package{p.key.Name, p.key.Version, p.key.Architecture, poolName(p.key), size, sum}
	p.stanza, err = stanzaOf(control, p.Package)
	return err
}

// buffers are for reading many small files, and many chunks of an index.
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
	draft, err := files.Create(p.Filename)
	if err != nil {
		return Put{}, err
	}
	if p.content != nil {
		_, err = draft.Write(p.content)
	} else {
		err = p.copyFile(draft)
	}
	if err = errors.Join(err, draft.Close()); err != nil {
		draft.Discard()
		return Put{}, fmt.Errorf("cannot publish %s: %w", p.from, err)
	}
	return Put{Name: p.Filename, Draft: draft}, nil
}

// copyFile reads the file again, which must still be the one that was checked.
func (p incoming) copyFile(draft Draft) error {
	file, err := os.Open(p.from)
	if err != nil {
		return err
	}
	defer file.Close()
	err = draft.CopyFrom(file, 0, p.Size)
	if now, statErr := file.Stat(); err == nil && (statErr != nil || now.Size() != p.Size || !now.ModTime().Equal(p.modified)) {
		err = errors.Join(errors.New("it changed while it was published"), statErr)
	}
	return err
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

// fresh returns what the pool does not have yet, or has damaged. A package that
// it has with other content is refused, whichever suite it is in: hosts may have
// it. One that it has is told where. The first publish to a suite is often the
// first of all: then thousands need not be looked for one by one.
func (r *Repository) fresh(old generation, in []incoming) ([]incoming, error) {
	if old.id == "" {
		if pool, err := r.files.List("pool"); err != nil || len(pool) == 0 {
			return in, err
		}
	}
	fresh := make([]incoming, 0, len(in)) // as a rule all of them
	for i := range in {
		name, sum, err := r.pooled(in[i].key)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			fresh = append(fresh, in[i])
			continue
		case err == nil:
			err = in[i].lies(name)
		}
		if err == nil && sum != in[i].SHA256 {
			fresh = append(fresh, in[i])
			err = r.damaged(in[i])
		}
		if err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

// damaged returns no error if the pool's file is not the one that was published,
// and p is: then it has been damaged since.
func (r *Repository) damaged(p incoming) error {
	suites, err := r.suites()
	if err != nil {
		return err
	}
	for _, suite := range suites {
		packages, err := r.list(suite)
		if err != nil {
			return err
		}
		if slices.Contains(packages, p.Package) {
			return nil
		}
	}
	return fmt.Errorf("cannot publish %s: %s: %w", p.from, p.key, ErrConflict)
}

// pooled returns where the pool has a package, and its hash.
func (r *Repository) pooled(k key) (name, sum string, err error) {
	for _, name := range []string{poolName(k), olderPoolName(k)} {
		if sum, err = r.pooledSum(name); !errors.Is(err, fs.ErrNotExist) {
			return name, sum, err
		}
	}
	return "", "", err
}

func (r *Repository) pooledSum(name string) (string, error) {
	file, err := r.files.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return sumOf(file)
}

// lies notes where in the pool the package is.
func (p *incoming) lies(name string) error {
	if name == p.Filename {
		return nil
	}
	s, err := debian.ParseStanza(p.stanza)
	if err != nil {
		return err
	}
	if s, err = s.With("Filename", name); err != nil {
		return err
	}
	p.Filename, p.stanza = name, s.Bytes()
	return nil
}
