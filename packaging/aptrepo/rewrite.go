package aptrepo

// rewrite writes an index anew from the one before it. Up to the first chunk
// that changes it only counts; then the part before that chunk is taken over
// without being read, and what follows is copied or, where it changes, packed.
type rewrite struct {
	old           index
	plain, packed File // of old; nil if it has no chunks
	plainAt       int64
	packedAt      int64 // where the next chunk lies in the old files
	to            *indexWriter
	begun         bool    // something changed, and all before it is taken over
	small         []entry // of a chunk that became too small to stand alone
	changes       []entry // the edits that changed something
}

// rewriteIndex applies sorted edits to the index in dir. Without changes there
// is no writer.
func rewriteIndex(files Files, dir string, old index, edits []entry) (to *indexWriter, changes []entry, err error) {
	w := rewrite{old: old}
	if len(old.Chunks) > 0 {
		if w.plain, w.packed, err = old.open(files, dir); err != nil {
			return nil, nil, err
		}
		defer w.plain.Close()
		defer w.packed.Close()
	}
	if w.to, err = newIndexWriter(files); err != nil {
		return nil, nil, err
	}
	if err = w.run(edits); err != nil || len(w.changes) == 0 {
		w.to.discard()
		return nil, nil, err
	}
	return w.to, w.changes, nil
}

func (w *rewrite) run(edits []entry) error {
	if len(w.old.Chunks) == 0 {
		merged, changes, err := merge(nil, edits)
		if err != nil {
			return err
		}
		w.changes = changes
		return w.to.add(merged)
	}
	for i := range w.old.Chunks {
		n := 0
		for n < len(edits) && w.old.home(edits[n].key) == i {
			n++
		}
		if err := w.chunk(i, edits[:n]); err != nil {
			return err
		}
		edits = edits[n:]
	}
	return w.to.add(w.small)
}

// chunk writes the old chunk i with edits, or as it is.
func (w *rewrite) chunk(i int, edits []entry) error {
	c := w.old.Chunks[i]
	defer func() {
		w.plainAt += c.Plain.Size
		w.packedAt += c.Packed.Size
	}()
	if len(edits) == 0 && len(w.small) == 0 {
		return w.keep(c)
	}
	entries, err := w.old.read(w.plain, i)
	if err != nil {
		return err
	}
	merged, changes, err := merge(entries, edits)
	if err != nil {
		return err
	}
	if len(changes) == 0 && len(w.small) == 0 {
		return w.keep(c)
	}
	w.changes = append(w.changes, changes...)
	if err := w.begin(i); err != nil {
		return err
	}
	return w.put(append(w.small, merged...))
}

// begin takes over all chunks before i.
func (w *rewrite) begin(i int) error {
	if w.begun {
		return nil
	}
	w.begun = true
	c := w.old.Chunks[i]
	w.to.chunks = append(w.to.chunks, w.old.Chunks[:i]...)
	if err := w.to.plain.begin(w.plain, w.plainAt, c.Plain.State); err != nil {
		return err
	}
	return w.to.packed.begin(w.packed, w.packedAt, c.Packed.State)
}

// keep copies a chunk that does not change.
func (w *rewrite) keep(c chunk) error {
	if !w.begun {
		return nil
	}
	return w.to.chunk(c.First, func() error {
		if err := w.to.plain.copy(w.plain, w.plainAt, c.Plain.Size); err != nil {
			return err
		}
		return w.to.packed.copy(w.packed, w.packedAt, c.Packed.Size)
	})
}

// put writes entries, or, if they are few, lets them join the next chunk.
func (w *rewrite) put(entries []entry) error {
	w.small = nil
	if sizeOf(entries) < chunkSmall {
		w.small = entries
		return nil
	}
	return w.to.add(entries)
}
