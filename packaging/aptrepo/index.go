package aptrepo

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"path"
	"slices"

	"github.com/klauspost/compress/gzip"
)

// blob is the size and the hash of a file, as a release names it.
type blob struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// index is the list of one architecture's packages, as it lies in Packages and,
// packed, in Packages.gz.
type index struct {
	Architecture string  `json:"architecture"`
	Plain        blob    `json:"plain"`
	Packed       blob    `json:"packed"`
	Chunks       []chunk `json:"chunks"`
}

// chunk is a run of stanzas that is a gzip member of its own.
type chunk struct {
	First  key  `json:"first"` // the lowest
	Plain  part `json:"plain"`
	Packed part `json:"packed"`
}

// part is where a chunk lies in one of the two files.
type part struct {
	Size  int64  `json:"size"`
	State []byte `json:"state"` // of SHA-256 before the chunk
}

const (
	chunkSize  = 64 << 10 // makes Packages.gz 6 % larger than one member would
	chunkSmall = chunkSize / 4
)

// dirOf returns the folder of an architecture's index.
func dirOf(suite, architecture string) string {
	return path.Join("dists", suite, component, "binary-"+architecture)
}

func byHash(dir string, b blob) string { return path.Join(dir, "by-hash", "SHA256", b.SHA256) }

// open opens the two files of an index by their hashes.
func (x index) open(files Files, dir string) (plain, packed File, err error) {
	if plain, err = files.Open(byHash(dir, x.Plain)); err != nil {
		return nil, nil, err
	}
	if packed, err = files.Open(byHash(dir, x.Packed)); err != nil {
		_ = plain.Close() // only read
		return nil, nil, err
	}
	return plain, packed, nil
}

// home returns the chunk into which k belongs.
func (x index) home(k key) int {
	at, found := slices.BinarySearchFunc(x.Chunks, k, func(c chunk, k key) int { return c.First.compare(k) })
	if found || at == 0 {
		return at
	}
	return at - 1
}

// indexWriter writes an index, in part by copying from the one before it.
type indexWriter struct {
	plain, packed output
	gz            *gzip.Writer
	member        bytes.Buffer // what gz has packed of a chunk: it writes a few bytes at a time
	chunks        []chunk
}

// output is a draft and the hash of what it holds.
type output struct {
	draft Draft
	sum   hash.Hash
	size  int64
}

func newIndexWriter(files Files) (*indexWriter, error) {
	plain, err := files.Create("")
	if err != nil {
		return nil, err
	}
	packed, err := files.Create("")
	if err != nil {
		plain.Discard()
		return nil, err
	}
	w := &indexWriter{plain: output{draft: plain, sum: sha256.New()}, packed: output{draft: packed, sum: sha256.New()}}
	w.gz = gzip.NewWriter(&w.member)
	return w, nil
}

// Write counts and hashes what the draft has taken, which is less than p where it
// fails.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.draft.Write(p)
	o.size += int64(n)
	_, _ = o.sum.Write(p[:n]) // never fails
	return n, err
}

// part returns where the next n bytes will lie.
func (o *output) part() (part, error) {
	state, err := o.sum.(encoding.BinaryMarshaler).MarshalBinary()
	return part{State: state}, err
}

// begin takes over the first n bytes of an older file, whose hash so far is known.
func (o *output) begin(src File, n int64, state []byte) error {
	if err := o.sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		return err
	}
	o.size = n
	return o.draft.CopyFrom(src, 0, n)
}

func (o *output) copy(src File, offset, n int64) error {
	buffer := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buffer)
	copied, err := io.CopyBuffer(o, io.NewSectionReader(src, offset, n), buffer[:])
	if err == nil && copied < n {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (o *output) blob() blob { return blob{hex.EncodeToString(o.sum.Sum(nil)), o.size} }

// chunk notes what write writes as a chunk.
func (w *indexWriter) chunk(first key, write func() error) error {
	plain, err := w.plain.part()
	if err != nil {
		return err
	}
	packed, err := w.packed.part()
	if err != nil {
		return err
	}
	plainSize, packedSize := w.plain.size, w.packed.size
	if err := write(); err != nil {
		return err
	}
	plain.Size, packed.Size = w.plain.size-plainSize, w.packed.size-packedSize
	w.chunks = append(w.chunks, chunk{first, plain, packed})
	return nil
}

// add writes entries as chunks of even size.
func (w *indexWriter) add(entries []entry) error {
	total := sizeOf(entries)
	pieces := max(1, (total+chunkSize/2)/chunkSize)
	for target := total / pieces; len(entries) > 0; {
		n := cut(entries, target)
		if err := w.chunk(entries[0].key, func() error { return w.pack(entries[:n]) }); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

func sizeOf(entries []entry) int {
	size := 0
	for _, e := range entries {
		size += len(e.stanza) + 1
	}
	return size
}

// cut returns how many entries make a chunk of at least target bytes.
func cut(entries []entry, target int) int {
	size := 0
	for i, e := range entries {
		if size += len(e.stanza) + 1; size >= target {
			return i + 1
		}
	}
	return len(entries)
}

func (w *indexWriter) pack(entries []entry) error {
	text := make([]byte, 0, sizeOf(entries))
	for _, e := range entries {
		text = append(append(text, e.stanza...), '\n')
	}
	if _, err := w.plain.Write(text); err != nil {
		return err
	}
	return w.addMember(text)
}

// addMember packs text as a gzip member of its own.
func (w *indexWriter) addMember(text []byte) error {
	w.member.Reset()
	w.gz.Reset(&w.member)
	if _, err := w.gz.Write(text); err != nil {
		return err
	}
	if err := w.gz.Close(); err != nil {
		return err
	}
	_, err := w.packed.Write(w.member.Bytes())
	return err
}

// finish returns the index that was written.
func (w *indexWriter) finish(architecture string) (index, error) {
	if w.packed.size == 0 { // no bytes at all are no gzip file
		if err := w.addMember(nil); err != nil {
			return index{}, err
		}
	}
	return index{architecture, w.plain.blob(), w.packed.blob(), w.chunks}, nil
}

func (w *indexWriter) discard() {
	w.plain.draft.Discard()
	w.packed.draft.Discard()
}

// read returns the entries of one chunk.
func (x index) read(plain File, i int) ([]entry, error) {
	offset := int64(0)
	for _, c := range x.Chunks[:i] {
		offset += c.Plain.Size
	}
	entries, err := readEntries(io.NewSectionReader(plain, offset, x.Chunks[i].Plain.Size))
	if err != nil {
		return nil, fmt.Errorf("cannot read the index of %s: %w", x.Architecture, err)
	}
	return entries, nil
}
