package deb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/gzip"
)

const (
	maxFileName = 255           // of Linux's file systems
	maxArSize   = 9_999_999_999 // ten digits of the header
)

// Build writes the package into dir as NAME_VERSION_ARCHITECTURE.deb and returns
// its path. A file of that name is replaced at once, when the new one is whole;
// after an error or a crash there is none, or the old one.
//
// The bytes depend on the recipe, the files' content and executable bits, and
// the date alone. The date is that of SOURCE_DATE_EPOCH, else the changelog's of
// this version, else the newest file's. Memory does not grow with the files'
// size. Build may be called again and concurrently.
func (r *Recipe) Build(ctx context.Context, dir string) (path string, err error) {
	if err := r.Validate(); err != nil {
		return "", err
	}
	p, err := r.plan()
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, p.name)
	if err := p.write(ctx, path); err != nil {
		return "", fmt.Errorf("cannot build %s: %w", path, err)
	}
	return path, nil
}

// plan is a package of which everything is known but the files' content.
type plan struct {
	recipe  *Recipe
	name    string // of the file
	date    time.Time
	control []byte
	scripts []*node
	nodes   []*node
}

// plan looks at all that the recipe names.
func (r *Recipe) plan() (*plan, error) {
	t, contentsErr := r.contents()
	scripts, scriptsErr := r.scripts()
	if err := errors.Join(contentsErr, scriptsErr); err != nil {
		return nil, err
	}
	past, err := r.history(t)
	if err != nil {
		return nil, err
	}
	if err := r.addDocs(t, past.changelog); err != nil {
		return nil, err
	}
	stanza, err := r.stanza(t.installedKiB())
	if err != nil {
		return nil, err
	}
	p := &plan{recipe: r, name: fileName(r.Name, r.Version, r.architecture()), date: past.date, control: stanza.Bytes(), scripts: scripts, nodes: t.nodes()}
	if len(p.name) > maxFileName {
		return nil, fmt.Errorf("cannot build %s: the name is longer than %d bytes", p.name, maxFileName)
	}
	return p, nil
}

// write writes the package to a file beside path and renames it. The data comes
// first, to a file without a name, since the control files hold its checksums
// and stand before it.
func (p *plan) write(ctx context.Context, path string) error {
	data, err := nameless(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer data.Close()
	md5sums, err := p.writeData(ctx, data)
	if err != nil {
		return err
	}
	control, err := p.controlTar(ctx, md5sums)
	if err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(path), "."+p.name[:min(len(p.name), maxFileName-16)]+"-")
	if err != nil {
		return err
	}
	defer func() {
		_ = out.Close()           // a second time after success, else there is an error already
		_ = os.Remove(out.Name()) // likewise
	}()
	if err := p.writeArchive(out, control, data); err != nil {
		return err
	}
	if err := errors.Join(out.Chmod(0o644), out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), path)
}

// nameless returns a new file that is gone when it is closed.
func nameless(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".data-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// writeData writes data.tar and returns the md5sums.
func (p *plan) writeData(ctx context.Context, w io.Writer) ([]byte, error) {
	packed, err := p.recipe.Compression.writer(ctx, w)
	if err != nil {
		return nil, err
	}
	tarball := newTarball(packed, p.date)
	err = tarball.addAll(ctx, p.nodes)
	// Closed in any case: a compressor is a process, or goroutines. Its own error
	// is the cause where there are two.
	if closeErr := packed.Close(); closeErr != nil {
		return nil, closeErr
	}
	return tarball.md5sums, err
}

// controlTar returns control.tar.gz.
func (p *plan) controlTar(ctx context.Context, md5sums []byte) ([]byte, error) {
	var buf bytes.Buffer
	nodes := append(controlEntries(p.scripts, conffiles(p.nodes), md5sums), textNode("control", p.control))
	if err := newTarball(&buf, p.date).addAll(ctx, nodes); err != nil {
		return nil, err
	}
	return gzipped(buf.Bytes(), gzip.DefaultCompression)
}

// writeArchive writes the .deb itself (deb(5)).
func (p *plan) writeArchive(w io.Writer, control []byte, data *os.File) error {
	size, err := data.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if size > maxArSize {
		return fmt.Errorf("its data of %d bytes is more than a .deb can hold", size)
	}
	if _, err := data.Seek(0, io.SeekStart); err != nil {
		return err
	}
	head := []byte(arMagic)
	head = p.appendMember(head, "debian-binary", []byte("2.0\n"))
	head = p.appendMember(head, "control.tar.gz", control)
	head = append(head, arHeader("data.tar"+p.recipe.Compression.suffix(), size, p.date)...)
	if _, err := w.Write(head); err != nil {
		return err
	}
	if _, err := io.Copy(w, data); err != nil {
		return err
	}
	_, err = w.Write(padding(size))
	return err
}

func (p *plan) appendMember(head []byte, name string, content []byte) []byte {
	head = append(head, arHeader(name, int64(len(content)), p.date)...)
	head = append(head, content...)
	return append(head, padding(int64(len(content)))...)
}

// padding is what makes the next header begin at an even offset.
func padding(size int64) []byte {
	if size%2 == 1 {
		return []byte{'\n'}
	}
	return nil
}
