package aptrepo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	stateDir = ".aptfleet"
	draftDir = stateDir + "/drafts"
	lockFile = stateDir + "/lock"
)

// folder is a repository's files in a local folder.
type folder struct{ root string }

// Folder returns the files below root, which is made when first written to.
func Folder(root string) Files { return folder{filepath.Clean(root)} }

// path is filepath.Join for names that are clean, as those of Files are.
func (f folder) path(name string) string { return f.root + "/" + name }

// Open finds no hidden draft: root could read it, and all others are to be told that
// it is not there, not that they may not read it.
func (f folder) Open(name string) (File, error) {
	file, err := os.Open(f.path(name))
	if err == nil || errors.Is(err, fs.ErrPermission) {
		if info, statErr := os.Stat(f.path(name)); statErr == nil && info.Mode().Perm() == hiddenMode {
			_ = file.Close() // nothing was written to it, if it was opened at all
			err = &fs.PathError{Op: "open", Path: f.path(name), Err: fs.ErrNotExist}
		}
	}
	if err != nil {
		return nil, err // not file, which would be a nil pointer in an interface that is not nil
	}
	return file, nil
}

// Create begins a draft with a name in its place, hidden, where nothing is there:
// to rename ten thousand files takes longer than to write them.
func (f folder) Create(name string) (Draft, error) {
	d := &draft{fd: closed, path: f.path(name), hidden: true}
	if name == "" {
		d.path, d.hidden = f.path(path.Join(draftDir, strconv.FormatUint(rand.Uint64(), 36))), false
	}
	err := d.create()
	if errors.Is(err, fs.ErrNotExist) && d.hidden { // as a rule the folder is there
		if err = makeFolder(f.path(path.Dir(name)), &d.grown); err == nil {
			err = d.create()
		}
	}
	if errors.Is(err, fs.ErrExist) && d.hidden {
		d.path, d.hidden = f.path(draftOf(name)), false
		err = d.create()
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// openFile opens a file without an *os.File: of ten thousand small ones that is
// a fifth of the system calls, and memory that has to be collected.
func openFile(name string, flags int, mode uint32) (fd int, err error) {
	err = retried("open", name, func() error {
		fd, err = unix.Open(name, flags|unix.O_CLOEXEC, mode)
		return err
	})
	return fd, err
}

// retried does a system call again that a signal has interrupted.
func retried(op, name string, call func() error) error {
	for {
		switch err := call(); {
		case err == nil:
			return nil
		case !errors.Is(err, unix.EINTR):
			return &fs.PathError{Op: op, Path: name, Err: err}
		}
	}
}

func draftOf(name string) string {
	dir, base := path.Split(name)
	return path.Join(dir, ".draft-"+base)
}

// Commit syncs few files one by one, and the whole filesystem for many: ten
// thousand fsyncs take longer than all the rest of a first publish.
func (f folder) Commit(puts ...Put) error {
	const few = 16
	if err := f.finish(puts, len(puts) <= few); err != nil {
		return err
	}
	if len(puts) > few {
		if err := f.syncAll(); err != nil {
			return err
		}
	}
	changed := map[string]bool{}
	for _, p := range puts {
		if err := f.place(p, changed); err != nil {
			return err
		}
	}
	if len(puts) > few {
		return f.syncAll()
	}
	for path := range changed {
		if err := syncPath(path, os.O_RDONLY); err != nil {
			return err
		}
	}
	return nil
}

// finish ends writing to the drafts and dates them.
func (f folder) finish(puts []Put, sync bool) error {
	for _, p := range puts {
		if err := p.Draft.(*draft).finish(p.Time, sync); err != nil {
			return fmt.Errorf("cannot write %s: %w", p.Name, err)
		}
	}
	return nil
}

// place gives a draft its name, and adds to changed what must be durable for that:
// folders, and a draft that was hidden, for its mode.
func (f folder) place(p Put, changed map[string]bool) error {
	d, to := p.Draft.(*draft), f.path(p.Name)
	dir := filepath.Dir(to)
	if !changed[dir] && filepath.Dir(d.path) != dir { // else it is there
		if err := makeFolder(f.path(path.Dir(p.Name)), &d.grown); err != nil {
			return err
		}
	}
	changed[dir] = true
	for _, grown := range d.grown {
		changed[grown] = true
	}
	if d.named {
		again := filepath.Join(f.path(draftDir), filepath.Base(d.path)+".link")
		if err := os.Link(d.path, again); err != nil {
			return err
		}
		return errors.Join(os.Rename(again, to), ignoreMissing(os.Remove(again)))
	}
	if d.path != to {
		// Not os.Rename, which looks at each place first.
		if err := unix.Renameat(unix.AT_FDCWD, d.path, unix.AT_FDCWD, to); err != nil {
			return &os.LinkError{Op: "rename", Old: d.path, New: to, Err: err}
		}
	}
	d.path, d.named = to, true
	if !d.hidden {
		return nil
	}
	changed[to] = true
	return d.show()
}

// makeFolder makes a folder and those above it, which any web server can read,
// whatever the umask is. Folders that have got a new one are added to grown, where
// there is one: they must be durable, too.
func makeFolder(dir string, grown *[]string) error {
	err := os.Mkdir(dir, 0o755)
	if above := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && above != dir {
		if err := makeFolder(above, grown); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o755)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	if grown != nil {
		*grown = append(*grown, filepath.Dir(dir))
	}
	return os.Chmod(dir, 0o755)
}

func (f folder) Remove(names ...string) error {
	var errs []error
	for _, name := range names {
		errs = append(errs, ignoreMissing(os.Remove(f.path(name))), ignoreMissing(os.Remove(f.path(draftOf(name)))))
		for dir := path.Dir(name); path.Dir(dir) != "."; dir = path.Dir(dir) {
			if os.Remove(f.path(dir)) != nil {
				break // as a rule because it is not empty
			}
		}
	}
	return errors.Join(errs...)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (f folder) List(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(f.path(dir), func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return ignoreMissing(err)
		}
		if e.Type().IsRegular() {
			name, err := filepath.Rel(f.root, p)
			names = append(names, filepath.ToSlash(name))
			return err
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

func (f folder) syncAll() error {
	root, err := os.Open(f.root)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(root.Fd())), root.Close())
}

func syncPath(path string, flag int) error {
	file, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

const closed = -1 // what is no file descriptor

// A draft that lies in its place already is hiddenMode: no web server may read it.
const (
	fileMode   = 0o644
	hiddenMode = 0o200
)

// draft is a file that is elsewhere, or hidden, until it has its name.
type draft struct {
	fd     int
	path   string
	grown  []string // folders that got a new folder for it
	hidden bool
	named  bool
}

func (d *draft) create() error {
	mode := uint32(fileMode)
	if d.hidden {
		mode = hiddenMode
	}
	fd, err := openFile(d.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	d.fd = fd
	if d.hidden {
		return nil
	}
	if err := unix.Fchmod(fd, fileMode); err != nil { // whatever the umask is
		d.Discard()
		return &fs.PathError{Op: "chmod", Path: d.path, Err: err}
	}
	return nil
}

// show has everybody read a hidden draft.
func (d *draft) show() error {
	if err := unix.Fchmodat(unix.AT_FDCWD, d.path, fileMode, 0); err != nil {
		return &fs.PathError{Op: "chmod", Path: d.path, Err: err}
	}
	d.hidden = false
	return nil
}

// Write goes on until all of p is written: the kernel may take less at a time.
func (d *draft) Write(p []byte) (written int, err error) {
	for written < len(p) && err == nil {
		n := 0
		err = retried("write", d.path, func() (err error) {
			n, err = unix.Write(d.fd, p[written:])
			return err
		})
		written += max(n, 0)
	}
	return written, err
}

func (d *draft) CopyFrom(src File, offset, n int64) error {
	from, ok := src.(*os.File)
	for ok && n > 0 {
		done, err := unix.CopyFileRange(int(from.Fd()), &offset, d.fd, nil, int(n), 0)
		if err != nil || done == 0 { // another filesystem, or one that can't: by hand
			break
		}
		n -= int64(done)
	}
	if n == 0 {
		return nil
	}
	copied, err := io.Copy(d, io.NewSectionReader(src, offset, n))
	if err == nil && copied < n {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Close may be called again, and does nothing then.
func (d *draft) Close() error {
	if d.fd == closed {
		return nil
	}
	fd := d.fd
	d.fd = closed
	if err := unix.Close(fd); err != nil && !errors.Is(err, unix.EINTR) { // Linux has closed it then
		return &fs.PathError{Op: "close", Path: d.path, Err: err}
	}
	return nil
}

// finish dates the draft and makes its content durable if sync says so.
func (d *draft) finish(t time.Time, sync bool) error {
	if d.named {
		return d.Close() // it was finished before
	}
	var errs []error
	if !t.IsZero() {
		errs = append(errs, os.Chtimes(d.path, t, t))
	}
	if sync && d.fd == closed {
		errs = append(errs, syncPath(d.path, os.O_WRONLY)) // it may be hidden
	} else if sync {
		errs = append(errs, retried("sync", d.path, func() error { return unix.Fsync(d.fd) }))
	}
	return errors.Join(append(errs, d.Close())...)
}

func (d *draft) Discard() {
	_ = d.Close() // it is thrown away
	if !d.named {
		_ = os.Remove(d.path) // the next Lock does it
	}
}
