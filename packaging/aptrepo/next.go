package aptrepo

import (
	"fmt"
	"path"
	"slices"
	"time"
)

// next is a generation in the making. Its drafts are seen by nobody.
type next struct {
	files   Files
	old     generation
	new     generation
	changes []entry // the edits that changed something, each once
	byHash  []Put   // the indices that changed, under the names that apt asks for
	plain   []Put   // the same under their plain names
	drafts  []Draft
}

// index writes the indices of all architectures: those that the suite has, or
// in the beginning those of first, and those that come with an edit.
func (n *next) index(first []string, edits []entry) error {
	var architectures []string
	for _, x := range n.old.indices {
		architectures = append(architectures, x.Architecture)
	}
	if n.old.id == "" {
		architectures = slices.Clone(first)
	}
	for _, e := range edits {
		if e.Architecture != "all" && e.stanza != nil && !slices.Contains(architectures, e.Architecture) {
			architectures = append(architectures, e.Architecture)
		}
	}
	slices.Sort(architectures)
	n.new.indices = nil
	for _, a := range architectures {
		if err := n.indexOf(a, edits); err != nil {
			return err
		}
	}
	return nil
}

func (n *next) indexOf(architecture string, edits []entry) error {
	var own []entry
	for _, e := range edits {
		if e.within(architecture) {
			own = append(own, e)
		}
	}
	old := n.old.index(architecture)
	fresh := old.Plain.SHA256 == ""
	if fresh {
		shared, err := n.shared()
		if err != nil {
			return err
		}
		// The edits may take away, or put again, what is shared.
		if own, _, err = merge(shared, own); err != nil {
			return err
		}
	}
	w, changes, err := rewriteIndex(n.files, dirOf(n.old.suite, architecture), old, own)
	if err != nil {
		return err
	}
	if w == nil && fresh {
		w, err = newIndexWriter(n.files)
	}
	if err != nil || w == nil {
		n.new.indices = append(n.new.indices, old)
		return err
	}
	n.note(changes)
	return n.add(w, architecture)
}

// shared returns the entries that every architecture has, for a new one.
func (n *next) shared() ([]entry, error) {
	if len(n.old.indices) == 0 {
		return nil, nil
	}
	x := n.old.indices[0]
	entries, err := readIndex(n.files, dirOf(n.old.suite, x.Architecture), x)
	return slices.DeleteFunc(entries, func(e entry) bool { return e.Architecture != "all" }), err
}

// readIndex reads a whole index.
func readIndex(files Files, dir string, x index) ([]entry, error) {
	file, err := files.Open(byHash(dir, x.Plain))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	entries, err := readEntries(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", byHash(dir, x.Plain), err)
	}
	return entries, nil
}

func (n *next) note(changes []entry) {
	for _, c := range changes {
		at, found := slices.BinarySearchFunc(n.changes, c, func(a, b entry) int { return a.compare(b.key) })
		if !found {
			n.changes = slices.Insert(n.changes, at, c)
		}
	}
}

func (n *next) add(w *indexWriter, architecture string) error {
	n.drafts = append(n.drafts, w.plain.draft, w.packed.draft)
	x, err := w.finish(architecture)
	if err != nil {
		return err
	}
	dir := dirOf(n.old.suite, architecture)
	n.new.indices = append(n.new.indices, x)
	n.byHash = append(n.byHash, Put{Name: byHash(dir, x.Plain), Draft: w.plain.draft}, Put{Name: byHash(dir, x.Packed), Draft: w.packed.draft})
	n.plain = append(n.plain, Put{Name: path.Join(dir, "Packages"), Draft: w.plain.draft}, Put{Name: path.Join(dir, "Packages.gz"), Draft: w.packed.draft})
	return nil
}

// dateIndices gives the indices their time, which must rise as the release's does.
func (n *next) dateIndices() {
	for _, puts := range [][]Put{n.byHash, n.plain} {
		for i := range puts {
			puts[i].Time = n.new.date
		}
	}
}

// retire lists the old generation among the past, and returns the files of
// those that have been there long enough.
func (n *next) retire(now time.Time) (gone []string) {
	all := n.old.past
	if n.old.id != "" {
		all = slices.Concat([]past{{now, n.old.plain(), n.old.packed()}}, all)
	}
	n.new.past = nil
	keep := n.new.files()
	var expired []string
	for i, p := range all {
		if i < keepGenerations-1 || now.Sub(p.Replaced) < keepTime {
			n.new.past = append(n.new.past, p)
			keep = append(keep, p.files()...)
		} else {
			expired = append(expired, p.files()...)
		}
	}
	return slices.DeleteFunc(expired, func(name string) bool { return slices.Contains(keep, name) })
}

// draft writes a small file.
func (n *next) draft(name string, data []byte) (Put, error) {
	d, err := n.files.Create("")
	if err != nil {
		return Put{}, fmt.Errorf("cannot write %s: %w", name, err)
	}
	n.drafts = append(n.drafts, d)
	if _, err := d.Write(data); err != nil {
		return Put{}, fmt.Errorf("cannot write %s: %w", name, err)
	}
	return Put{Name: name, Draft: d, Time: n.new.date}, nil
}

func (n *next) discard() {
	for _, d := range n.drafts {
		d.Discard()
	}
}
