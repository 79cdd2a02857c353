package deb

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// copyBuffer is large enough that most files take one read and one write.
const copyBuffer = 256 << 10

// tarball writes nodes to a tar archive, all with one date.
type tarball struct {
	w      *tar.Writer
	date   time.Time
	buffer []byte
	// md5sums is what dpkg --verify checks: a line for every file but conffiles.
	md5sums []byte
}

func newTarball(w io.Writer, date time.Time) *tarball {
	return &tarball{w: tar.NewWriter(w), date: date, buffer: make([]byte, copyBuffer)}
}

// addAll writes the nodes and the end of the archive.
func (b *tarball) addAll(ctx context.Context, nodes []*node) error {
	for _, n := range nodes {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := b.add(n); err != nil {
			return err
		}
	}
	return b.w.Close()
}

func (b *tarball) add(n *node) error {
	if err := b.w.WriteHeader(b.header(n)); err != nil {
		return fmt.Errorf("cannot write /%s: %w", n.path, err)
	}
	if n.kind != tar.TypeReg {
		return nil
	}
	sum := md5.New()
	if err := b.copyContent(n, io.MultiWriter(b.w, sum)); err != nil {
		return err
	}
	if !n.config {
		b.md5sums = fmt.Appendf(b.md5sums, "%x  %s\n", sum.Sum(nil), n.path)
	}
	return nil
}

// header is in the GNU format: dpkg does not read that of POSIX.
func (b *tarball) header(n *node) *tar.Header {
	h := &tar.Header{
		Format: tar.FormatGNU, Typeflag: n.kind, Name: "./" + n.path, Linkname: n.target,
		Size: n.size, Mode: int64(n.mode), ModTime: b.date,
	}
	h.Uname, h.Uid = account(n.owner, staticUsers)
	h.Gname, h.Gid = account(n.group, staticGroups)
	if n.kind == tar.TypeDir && n.path != "" {
		h.Name += "/"
	}
	return h
}

// copyContent copies exactly as many bytes as the file had when it was found.
func (b *tarball) copyContent(n *node, w io.Writer) error {
	if n.source == "" {
		_, err := io.Copy(w, bytes.NewReader(n.content))
		return err
	}
	f, err := os.Open(n.source)
	if err != nil {
		return notThere(n.source, err)
	}
	defer f.Close()
	copied, err := io.CopyBuffer(w, io.LimitReader(f, n.size+1), b.buffer)
	switch {
	case errors.Is(err, tar.ErrWriteTooLong), err == nil && copied != n.size:
		return fmt.Errorf("cannot pack %s: it changed while it was read", n.source)
	case err != nil:
		return fmt.Errorf("cannot pack %s: %w", n.source, err)
	}
	return nil
}
