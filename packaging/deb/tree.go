package deb

import (
	"archive/tar"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// node is one thing that the package installs.
type node struct {
	path         string // relative to the root, without a leading "/"; "" is the root
	kind         byte   // tar.TypeReg, tar.TypeDir or tar.TypeSymlink
	mode         Mode
	owner, group string
	config       bool
	target       string    // of a link
	size         int64     // of a file
	source       string    // where a file's content lies on disk, or "" if it is content
	modified     time.Time // of the source
	content      []byte
	implied      bool // a folder that is there for what is in it
}

// tree is all that the package installs, by path. A path stands for one node,
// and every node's folder is a node.
type tree map[string]*node

func newTree() tree { return tree{"": impliedDir("")} }

func impliedDir(path string) *node {
	return &node{path: path, kind: tar.TypeDir, mode: 0o755, implied: true}
}

// add puts a node and the folders above it into the tree.
func (t tree) add(n *node) error {
	clean, err := cleanPath(n.path)
	if err != nil {
		return err
	}
	n.path = clean
	old, taken := t[n.path]
	if taken && n.implied && old.kind == tar.TypeDir {
		return nil // it is there, perhaps with a mode of its own
	}
	if taken && !(old.implied && n.kind == tar.TypeDir) {
		return fmt.Errorf("/%s is there twice", n.path)
	}
	t[n.path] = n
	return t.addParents(n.path)
}

func (t tree) addParents(of string) error {
	for dir := path.Dir(of); dir != "."; dir = path.Dir(dir) {
		switch old, ok := t[dir]; {
		case !ok:
			t[dir] = impliedDir(dir)
		case old.kind != tar.TypeDir:
			return fmt.Errorf("/%s lies below /%s, which is no folder", of, dir)
		}
	}
	return nil
}

// cleanPath returns an absolute path without its "/", and refuses one that
// leaves the root or that files of the package's database cannot name.
func cleanPath(p string) (string, error) {
	switch {
	case strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", fmt.Errorf("path %q contains control characters", p)
	case slices.Contains(strings.Split(p, "/"), ".."):
		return "", fmt.Errorf("path %q leaves its folder", p)
	}
	return strings.TrimPrefix(path.Clean("/"+p), "/"), nil
}

// nodes returns everything in the order in which dpkg-deb writes it: folders
// before what is in them, links at the end, so that while dpkg unpacks an
// upgrade no link points to what is not there yet.
func (t tree) nodes() []*node {
	all := slices.SortedFunc(maps.Values(t), func(a, b *node) int { return strings.Compare(a.path, b.path) })
	links := make([]*node, 0, len(all))
	rest := make([]*node, 0, len(all))
	for _, n := range all {
		if n.kind == tar.TypeSymlink {
			links = append(links, n)
		} else {
			rest = append(rest, n)
		}
	}
	return append(rest, links...)
}

// installedKiB is the value of Installed-Size as dpkg-gencontrol counts: files
// and links rounded up to KiB each, everything else 1 KiB.
func (t tree) installedKiB() int64 {
	var sum int64
	for _, n := range t {
		switch n.kind {
		case tar.TypeReg:
			sum += (n.size + 1023) / 1024
		case tar.TypeSymlink:
			sum += (int64(len(n.target)) + 1023) / 1024
		default:
			sum++
		}
	}
	return sum
}

// conffiles returns the list that dpkg keeps of them.
func conffiles(nodes []*node) []byte {
	var list []byte
	for _, n := range nodes {
		if n.config {
			list = fmt.Appendf(list, "/%s\n", n.path)
		}
	}
	return list
}
