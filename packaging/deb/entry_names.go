package deb

import (
	"archive/tar"
	"fmt"
	"path"
	"strings"
)

// entryNames checks the entries of one tar archive, one after the other, so
// that unpacking it cannot touch anything outside the folder it is unpacked to.
type entryNames struct {
	links map[string]bool // the symbolic links so far, by cleaned name
}

// check refuses a name that is absolute, leaves the root, or lies behind a
// symbolic link of the same archive; and a hard link to such a name. The target
// of a symbolic link may be anything: it is only a text.
func (n *entryNames) check(h *tar.Header) error {
	name, err := n.checkName(h.Name)
	if err != nil {
		return err
	}
	if h.Typeflag == tar.TypeLink {
		if _, err := n.checkName(h.Linkname); err != nil {
			return fmt.Errorf("hard link %q: %w", h.Name, err)
		}
	}
	if h.Typeflag == tar.TypeSymlink {
		if n.links == nil {
			n.links = map[string]bool{}
		}
		n.links[name] = true
	}
	return nil
}

func (n *entryNames) checkName(name string) (clean string, err error) {
	switch {
	case name == "" || strings.ContainsRune(name, 0):
		return "", fmt.Errorf("entry %q has no name", name)
	case strings.HasPrefix(name, "/"):
		return "", fmt.Errorf("entry %q is absolute", name)
	case name == ".." || strings.HasPrefix(name, "../") || strings.HasSuffix(name, "/..") || strings.Contains(name, "/../"):
		return "", fmt.Errorf("entry %q leaves the root", name)
	}
	clean = path.Clean(name)
	for dir := path.Dir(clean); len(n.links) > 0 && dir != "."; dir = path.Dir(dir) {
		if n.links[dir] {
			return "", fmt.Errorf("entry %q lies behind the symbolic link %q", name, dir)
		}
	}
	return clean, nil
}
