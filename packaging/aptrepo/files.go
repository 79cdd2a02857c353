package aptrepo

import (
	"context"
	"io"
	"io/fs"
	"time"
)

// Files is where a repository lies: a folder, or later an object store. Names
// are slash-separated and relative, as fs.ValidPath wants them. A missing file
// is an error that is fs.ErrNotExist.
//
// Methods may be called concurrently. Only the holder of the lock calls Create,
// Commit and Remove.
type Files interface {
	// Open opens a file for reading.
	Open(name string) (File, error)
	// Create begins a file that nobody can read before Commit gives it that name. It
	// may get another, and be begun without one.
	Create(name string) (Draft, error)
	// Commit makes all drafts durable and then gives them their names, each in
	// one step and in the order given; a file of that name is replaced. Once it
	// returns, the names are durable too. A draft may be committed again under
	// a further name.
	Commit(puts ...Put) error
	// Remove removes files, and what a crash left of drafts created under their
	// names; those that are not there are none of its errors.
	Remove(names ...string) error
	// List returns the names of all files below a folder, sorted. A folder that
	// is not there has none.
	List(dir string) ([]string, error)
	// Lock waits until no other process or caller changes the repository, and
	// throws away what a crash has left of drafts without a name.
	Lock(ctx context.Context) (unlock func(), err error)
}

// File is a file open for reading; *os.File is one.
type File interface {
	io.ReadSeekCloser
	io.ReaderAt
	Stat() (fs.FileInfo, error)
}

// Draft is a file in the making.
type Draft interface {
	io.Writer
	// CopyFrom appends n bytes of src, without moving them through the process
	// where the system can.
	CopyFrom(src File, offset, n int64) error
	// Close ends writing, so that many drafts do not need as many open files.
	Close() error
	// Discard throws the draft away. A committed one keeps its names.
	Discard()
}

// Put is a draft, the name it is to have, and the time at which it is said to
// have been modified; the zero time stands for now.
type Put struct {
	Name  string
	Draft Draft
	Time  time.Time
}
