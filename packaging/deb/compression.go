package deb

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compression is how the data of a package is compressed. The control files
// are always in gzip, which is cheap for those that scan many packages.
type Compression string

// The compressions that dpkg unpacks. Zstd, the zero value's meaning, needs the
// dpkg of Debian 12 or Ubuntu 18.04; the others are read by any.
const (
	Zstd Compression = "zstd"
	Xz   Compression = "xz"
	Gzip Compression = "gzip"
	None Compression = "none"
)

func (c Compression) validate() error {
	return oneOf(string(c), "", string(Zstd), string(Xz), string(Gzip), string(None))
}

// suffix is what the name of the data member ends with.
func (c Compression) suffix() string {
	return map[Compression]string{"": ".zst", Zstd: ".zst", Xz: ".xz", Gzip: ".gz"}[c]
}

// writer returns a writer that compresses to w. Its Close ends the stream and
// leaves w open. The output depends on the input alone.
func (c Compression) writer(ctx context.Context, w io.Writer) (io.WriteCloser, error) {
	switch c {
	case Gzip:
		return newGzip(w, gzip.BestCompression)
	case Xz:
		return startXz(ctx, w)
	case None:
		return nopCloser{w}, nil
	}
	// One thread, since several take a tenth more CPU from what else the
	// controller does. The window, half the default, costs 0.3 % of size and saves
	// memory here and on every host.
	return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(4<<20))
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// xzProcess compresses with the xz program: whoever asks for xz wants the
// smallest package, and the encoder that there is in Go makes it a quarter
// larger. One thread, since the output of several differs with their number.
type xzProcess struct {
	io.WriteCloser
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

func startXz(ctx context.Context, w io.Writer) (*xzProcess, error) {
	p := &xzProcess{cmd: exec.CommandContext(ctx, "xz", "-6", "-T1", "-c")}
	p.cmd.Stdout, p.cmd.Stderr = w, &p.stderr
	var err error
	if p.WriteCloser, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("cannot start xz: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start xz (package xz-utils): %w", err)
	}
	return p, nil
}

// Close waits for the end of the program.
func (p *xzProcess) Close() error {
	_ = p.WriteCloser.Close() // if it fails, xz has ended and Wait says why
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("cannot compress with xz: %w: %s", err, bytes.TrimSpace(p.stderr.Bytes()))
	}
	return nil
}

// newGzip returns a writer of what gzip -n writes: without name and time.
func newGzip(w io.Writer, level int) (*gzip.Writer, error) {
	z, err := gzip.NewWriterLevel(w, level)
	if err == nil {
		z.ModTime = time.Unix(0, 0) // the zero Time would be written as one in 2042
	}
	return z, err
}

func gzipped(data []byte, level int) ([]byte, error) {
	var buf bytes.Buffer
	w, err := newGzip(&buf, level)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
