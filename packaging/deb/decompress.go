package deb

import (
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"
)

// maxWindow bounds the memory that a foreign package's compression may ask for:
// the window of zstd -22 and twice the dictionary of xz -9.
const maxWindow = 128 << 20

// decompressor is a reader that can be used again: each of them holds buffers
// of up to several MiB, which would otherwise be made anew for every package.
type decompressor interface {
	io.Reader
	Reset(io.Reader) error
}

// decompressors holds the idle ones by the suffix of the members they read.
var decompressors = map[string]*sync.Pool{
	".gz": {New: func() any { return new(gzip.Reader) }},
	".xz": {New: func() any {
		r, _ := xz.NewReader(nil, maxWindow) // fails on input only, and there is none yet
		return r
	}},
	".zst": {New: func() any {
		r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			panic(err) // the options above are wrong
		}
		return r
	}},
}

// decompressed calls read with what r is when the compression that suffix names
// is undone, which may be limit bytes.
func decompressed(r *io.SectionReader, suffix string, limit int64, read func(io.Reader) error) error {
	switch suffix {
	case "":
		return read(&bounded{r, limit})
	case ".bz2":
		return read(&bounded{bzip2.NewReader(r), limit})
	}
	pool, ok := decompressors[suffix]
	if !ok {
		return fmt.Errorf("its compression %q is not supported", suffix)
	}
	d := pool.Get().(decompressor)
	defer pool.Put(d)
	if err := d.Reset(r); err != nil {
		return err
	}
	return read(&bounded{d, limit})
}

// bounded is a reader that fails when there is more to read than it should be.
type bounded struct {
	r    io.Reader
	left int64
}

// Read keeps back the piece with which it becomes too much.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errors.New("it unpacks to more than it may")
	}
	return n, err
}
