package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/aptfleet/aptfleet/pkg/debian"
)

// Dpkg reads what dpkg has on record, again only once it changed. Its methods
// may be called concurrently.
type Dpkg struct {
	Dir string // its admindir, such as /var/lib/dpkg

	mu     sync.Mutex
	stamp  string // of the files when they were read
	db     *debian.Database
	broken bool // that there is something in the folder updates
}

// Versions returns the installed versions of those of the named packages that
// dpkg is done with.
func (d *Dpkg) Versions(names []string) (map[string]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	db, _, err := d.read()
	if err != nil {
		return nil, err
	}
	installed := map[string]string{}
	for _, name := range names {
		if version, ok := db.Version(name); ok {
			installed[name] = version
		}
	}
	return installed, nil
}

// Audit tells what dpkg began and did not finish, a line a package; "" is
// nothing.
func (d *Dpkg) Audit() (string, error) {
	db, interrupted, err := d.read()
	if err != nil {
		return "", err
	}
	lines := db.Unfinished()
	if interrupted {
		lines = append(lines, "it was interrupted")
	}
	return strings.Join(lines, "\n"), nil
}

// Stamp changes whenever what dpkg has on record does.
func (d *Dpkg) Stamp() string {
	return Stamp(filepath.Join(d.Dir, "status"), filepath.Join(d.Dir, "updates"))
}

// Stamp changes whenever one of the files does, or the names in a folder.
func Stamp(paths ...string) string {
	var b strings.Builder
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintf(&b, "%d %d %d;", info.ModTime().UnixNano(), info.Size(), inode(info))
		} else {
			b.WriteString("none;")
		}
	}
	return b.String()
}

func (d *Dpkg) read() (*debian.Database, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	stamp := d.Stamp() // before, so that what changes meanwhile is read again
	if d.db != nil && d.stamp == stamp {
		return d.db, d.broken, nil
	}
	db, interrupted, err := readDatabase(d.Dir)
	if err != nil {
		return nil, false, fmt.Errorf("cannot read what dpkg has on record: %w", err)
	}
	d.stamp, d.db, d.broken = stamp, db, interrupted
	return db, interrupted, nil
}

// readDatabase reads dpkg's file and, over it, those of updates. dpkg may remove
// these at any moment, having put all into its file, which is then read again.
func readDatabase(dir string) (db *debian.Database, interrupted bool, err error) {
	const tries = 5
	for range tries {
		db, interrupted, err = readOnce(dir)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return db, interrupted, err
}

func readOnce(dir string) (*debian.Database, bool, error) {
	updates, err := os.ReadDir(filepath.Join(dir, "updates")) // sorted by name
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	db := &debian.Database{}
	if err := readStanzas(db, filepath.Join(dir, "status")); err != nil {
		return nil, false, err
	}
	for _, file := range updates {
		if strings.Trim(file.Name(), "0123456789") != "" {
			continue // dpkg still writes it
		}
		if err := readStanzas(db, filepath.Join(dir, "updates", file.Name())); err != nil {
			return nil, false, err
		}
	}
	return db, len(updates) > 0, nil
}

func readStanzas(db *debian.Database, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := db.Read(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
