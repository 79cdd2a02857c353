package deb

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// maxManual bounds the manual pages, which are packed in memory.
const maxManual = 8 << 20

// contents returns the tree of the recipe's files, folders, links and units.
// Every error is about one of them, and all are returned.
func (r *Recipe) contents() (tree, error) {
	t := newTree()
	var errs []error
	add := func(key tomlfile.Key, err error) {
		if err != nil {
			errs = append(errs, r.errorf(key, "%w", err))
		}
	}
	for i, d := range r.Dirs {
		add(keyOf(d.key, "dirs", i), r.addDir(t, d))
	}
	for i, f := range r.Files {
		field, err := r.addFile(t, f)
		add(keyOf(f.key, "files", i).With(field), err)
	}
	for i, l := range r.Links {
		add(keyOf(l.key, "links", i), r.addLink(t, l))
	}
	for i, u := range r.Units {
		add(keyOf(u.key, "units", i), r.addUnit(t, u))
	}
	return t, errors.Join(errs...)
}

// keyOf returns the key that a list's element has in its file, or the one that
// it would have.
func keyOf(key tomlfile.Key, list string, i int) tomlfile.Key {
	if key != nil {
		return key
	}
	return tomlfile.Key{list, tomlfile.Index(i)}
}

func (r *Recipe) addDir(t tree, d Dir) error {
	p, err := r.destination(d.Path)
	if err != nil {
		return err
	}
	mode := d.Mode
	if mode == 0 {
		mode = 0o755
	}
	return errors.Join(validateAccount(d.Owner), validateAccount(d.Group),
		t.add(&node{path: p, kind: tar.TypeDir, mode: mode, owner: d.Owner, group: d.Group}))
}

func (r *Recipe) addLink(t tree, l Link) error {
	p, err := r.destination(l.Path)
	if err != nil {
		return err
	}
	target := r.expand(l.Target)
	if target == "" || strings.ContainsAny(target, "\x00\n") {
		return fmt.Errorf("%q is no target of a link", target)
	}
	return t.add(&node{path: p, kind: tar.TypeSymlink, mode: 0o777, target: target})
}

// destination expands an installed path, which must be absolute.
func (r *Recipe) destination(p string) (string, error) {
	p = r.expand(p)
	if !strings.HasPrefix(p, "/") {
		return "", fmt.Errorf("path %q is not absolute", p)
	}
	_, err := cleanPath(p) // before anything joins and cleans it
	return p, err
}

// addFile adds what f stands for. field is the one an error is about.
func (r *Recipe) addFile(t tree, f File) (field string, err error) {
	dst, err := r.destination(f.Dst)
	if err != nil {
		return "dst", err
	}
	if err := validateAccount(f.Owner); err != nil {
		return "owner", err
	}
	if err := validateAccount(f.Group); err != nil {
		return "group", err
	}
	if f.Src == "" {
		return "src", errors.New("it is missing")
	}
	src := r.source(f.Src)
	if base, ok := patternBase(src); ok && !f.literal {
		return "src", r.addMatches(t, f, src, base, dst)
	}
	info, err := os.Stat(src)
	switch {
	case err != nil:
		return "src", notThere(src, err)
	case info.IsDir():
		return "src", r.addFolder(t, f, src, dst)
	case strings.HasSuffix(dst, "/"):
		dst += filepath.Base(src)
	}
	return "src", addRegular(t, f, src, dst, info)
}

// notThere says why a source cannot be read, with its path once.
func notThere(src string, err error) error {
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return fmt.Errorf("cannot read %s: %w", src, err)
}

// patternBase returns the last folder of a pattern without a wildcard. ok is
// false where there is no wildcard.
func patternBase(src string) (base string, ok bool) {
	i := strings.IndexAny(src, "*?[")
	if i < 0 {
		return "", false
	}
	return filepath.Dir(src[:i] + "x"), true
}

func (r *Recipe) addMatches(t tree, f File, pattern, base, dst string) error {
	if strings.Contains(pattern, "**") {
		return fmt.Errorf("cannot match %s: a folder is taken with all below it, \"**\" is not known", pattern)
	}
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return fmt.Errorf("cannot match %s: %w", pattern, err)
	}
	if len(matches) == 0 {
		return fmt.Errorf("cannot match %s: no such file", pattern)
	}
	for _, match := range matches {
		below, err := filepath.Rel(base, match)
		if err != nil {
			return fmt.Errorf("cannot match %s: %w", pattern, err)
		}
		if err := r.addMatch(t, f, match, path.Join(dst, below)); err != nil {
			return err
		}
	}
	return nil
}

func (r *Recipe) addMatch(t tree, f File, src, dst string) error {
	info, err := os.Stat(src)
	if err != nil {
		return notThere(src, err)
	}
	if info.IsDir() {
		return r.addFolder(t, f, src, dst)
	}
	return addRegular(t, f, src, dst, info)
}

// addFolder adds everything below a folder, links as they are.
func (r *Recipe) addFolder(t tree, f File, src, dst string) error {
	return filepath.WalkDir(src, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return notThere(at, err)
		}
		info, err := entry.Info()
		if err != nil {
			return notThere(at, err)
		}
		below, err := filepath.Rel(src, at)
		if err != nil {
			return err
		}
		to := path.Join(dst, filepath.ToSlash(below))
		switch {
		case info.IsDir():
			return t.add(impliedDir(to))
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(at)
			if err != nil {
				return notThere(at, err)
			}
			return t.add(&node{path: to, kind: tar.TypeSymlink, mode: 0o777, target: target})
		}
		return addRegular(t, f, at, to, info)
	})
}

// addRegular adds one file with a normalised mode: what the checkout's umask
// made of it must not show in the package.
func addRegular(t tree, f File, src, dst string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("cannot read %s: it is no regular file", src)
	}
	n := &node{path: dst, kind: tar.TypeReg, mode: f.Mode, owner: f.Owner, group: f.Group, size: info.Size(), source: src, modified: info.ModTime()}
	if n.mode == 0 {
		n.mode = 0o644
		if info.Mode()&0o100 != 0 {
			n.mode = 0o755
		}
	}
	if n.config = strings.HasPrefix(path.Clean(dst), "/etc/"); f.Config != nil {
		n.config = *f.Config
	}
	if strings.HasPrefix(dst, "/usr/share/man/") && !strings.HasSuffix(dst, ".gz") {
		return addManual(t, n)
	}
	return t.add(n)
}

// addManual adds a manual page, compressed as policy 12.1 wants it.
func addManual(t tree, n *node) error {
	if n.size > maxManual {
		return fmt.Errorf("cannot compress %s: a manual page of more than %d bytes", n.source, maxManual)
	}
	text, err := os.ReadFile(n.source)
	if err != nil {
		return notThere(n.source, err)
	}
	return addGzipped(t, n.path+".gz", text)
}

func addGzipped(t tree, path string, text []byte) error {
	packed, err := gzipped(text, gzip.BestCompression) // lintian asks for it
	if err != nil {
		return fmt.Errorf("cannot compress %s: %w", path, err)
	}
	return t.add(textNode(path, packed))
}

// textNode is a file of root's, readable by all, whose content is at hand.
func textNode(path string, content []byte) *node {
	return &node{path: path, kind: tar.TypeReg, mode: 0o644, size: int64(len(content)), content: content}
}
