package deb

import (
	"archive/tar"
	"fmt"
	"path"
	"strings"
)

// tarEntry is what matters of a file in a tar archive.
type tarEntry struct {
	name, target string // target is that of a link
	kind         byte   // the type flag of archive/tar
	size         int64
}

// entryNames checks the entries of one tar archive, one after the other, so
// that unpacking it cannot touch anything outside the folder it is unpacked to.
type entryNames struct {
	links map[string]bool // the symbolic links so far, by cleaned name
}

// check refuses a name that is absolute, leaves the root, or lies behind a
// symbolic link of the same archive; and a hard link to such a name. The target
// of a symbolic link may be anything: it is only a text.
func (n *entryNames) check(e tarEntry) error {
	if err := n.checkName(e.name); err != nil {
		return err
	}
	if e.kind == tar.TypeLink {
		if err := n.checkName(e.target); err != nil {
			return fmt.Errorf("hard link %q: %w", e.name, err)
		}
	}
	if e.kind == tar.TypeSymlink {
		if n.links == nil {
			n.links = map[string]bool{}
		}
		n.links[path.Clean(e.name)] = true
	}
	return nil
}

func (n *entryNames) checkName(name string) error {
	switch {
	case name == "" || strings.IndexByte(name, 0) >= 0:
		return fmt.Errorf("entry %q has no name", name)
	case strings.HasPrefix(name, "/"):
		return fmt.Errorf("entry %q is absolute", name)
	case name == ".." || strings.HasPrefix(name, "../") || strings.HasSuffix(name, "/..") || strings.Contains(name, "/../"):
		return fmt.Errorf("entry %q leaves the root", name)
	case len(n.links) == 0:
		return nil
	}
	for dir := path.Dir(path.Clean(name)); dir != "."; dir = path.Dir(dir) {
		if n.links[dir] {
			return fmt.Errorf("entry %q lies behind the symbolic link %q", name, dir)
		}
	}
	return nil
}
