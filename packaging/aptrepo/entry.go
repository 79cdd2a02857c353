package aptrepo

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/debian"
)

// Package is one package as a suite has it.
type Package struct {
	Name         string
	Version      string
	Architecture string
	Filename     string // in the repository
	Size         int64  // bytes
	SHA256       string // hexadecimal
}

// String names the package in messages.
func (p Package) String() string { return p.Name + " " + p.Version + " (" + p.Architecture + ")" }

// key is what there can be only one of in a suite. Keys are ordered by name,
// then version, oldest first.
type key struct {
	Name         string `json:"n"`
	Version      string `json:"v"`
	Architecture string `json:"a"`
}

func (k key) String() string { return k.Name + " " + k.Version + " (" + k.Architecture + ")" }

func (k key) compare(l key) int {
	if c := cmp.Compare(k.Name, l.Name); c != 0 {
		return c
	}
	if k.Version != l.Version {
		// Versions such as 1.0 and 1.00 differ in their spelling alone.
		return cmp.Or(debian.CompareVersions(k.Version, l.Version), cmp.Compare(k.Version, l.Version))
	}
	return cmp.Compare(k.Architecture, l.Architecture)
}

// entry is a package's stanza in an index. As an edit it is to be put there,
// or, without a stanza, to be taken away.
type entry struct {
	key
	stanza []byte // ends in one newline
}

func entryOf(s debian.Stanza) entry {
	return entry{key{s.Get("Package"), s.Get("Version"), s.Get("Architecture")}, s.Bytes()}
}

// describe reads the package out of the entry's stanza.
func (e entry) describe() (Package, error) {
	s, err := debian.ParseStanza(e.stanza)
	if err != nil {
		return Package{}, err
	}
	size, err := strconv.ParseInt(s.Get("Size"), 10, 64)
	if err != nil {
		return Package{}, fmt.Errorf("cannot read the size of %s: %w", e.key, err)
	}
	return Package{e.Name, e.Version, e.Architecture, s.Get("Filename"), size, s.Get("SHA256")}, nil
}

// within tells whether the entry belongs into the index of an architecture.
func (e entry) within(architecture string) bool {
	return e.Architecture == architecture || e.Architecture == "all"
}

// readEntries reads the stanzas of an index, or of a part of one.
func readEntries(r io.Reader) ([]entry, error) {
	var entries []entry
	for stanzas := debian.NewStanzaReader(r); ; {
		s, err := stanzas.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, entryOf(s))
	}
}

// merge applies edits to entries, both sorted, and returns the result, and which
// edits changed anything. An edit that would change a stanza is refused.
func merge(entries, edits []entry) (merged, changes []entry, err error) {
	merged = make([]entry, 0, len(entries)+len(edits))
	for _, e := range edits {
		at, found := slices.BinarySearchFunc(entries, e, func(a, b entry) int { return a.compare(b.key) })
		merged = append(merged, entries[:at]...)
		entries = entries[at:]
		switch {
		case found && e.stanza == nil:
			entries = entries[1:]
			changes = append(changes, e)
		case found && !bytes.Equal(entries[0].stanza, e.stanza):
			return nil, nil, fmt.Errorf("%s: %w", e.key, ErrConflict)
		case !found && e.stanza != nil:
			merged = append(merged, e)
			changes = append(changes, e)
		}
	}
	return append(merged, entries...), changes, nil
}

func sortEntries(entries []entry) {
	slices.SortFunc(entries, func(a, b entry) int { return a.compare(b.key) })
}

// poolName returns where a package is put: in one folder for all whose names
// begin alike, since to make a folder for each package takes a filesystem longer
// than to write it. The epoch stays in the name, or 1:2.0 could not stand beside
// 2.0.
func poolName(k key) string { return poolFolder(k) + poolBase(k) }

// olderPoolName returns where a package was put before: as in Debian's own pool,
// in a folder for its name. What lies there stays there.
func olderPoolName(k key) string {
	return poolFolder(k) + k.Name + "/" + poolBase(k)
}

func poolFolder(k key) string { return "pool/" + component + "/" + poolPrefix(k.Name) + "/" }

func poolPrefix(name string) string {
	if strings.HasPrefix(name, "lib") && len(name) > 3 {
		return name[:4]
	}
	return name[:1]
}

func poolBase(k key) string { return k.Name + "_" + k.Version + "_" + k.Architecture + ".deb" }
