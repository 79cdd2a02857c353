package aptrepo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"

	"github.com/klauspost/compress/gzip"

	"github.com/aptfleet/aptfleet/packaging/deb"
	"github.com/aptfleet/aptfleet/pkg/debian"
)

// Verify reads everything again: signatures, indices, what the next publish
// would build on, and every package against its stanza. It changes nothing; the
// error names every fault, one a line. Publishers wait meanwhile.
func (r *Repository) Verify(ctx context.Context) error {
	if r.keys == nil {
		return errors.New("cannot verify the repository: it was opened without its keys")
	}
	unlock, err := r.files.Lock(ctx)
	if err != nil {
		return fmt.Errorf("cannot verify the repository: %w", err)
	}
	defer unlock()
	v := &verifier{Repository: r, seen: map[string]bool{}}
	if pending, err := r.files.Open(intentionName); err == nil {
		_ = pending.Close() // only looked for
		v.fault(intentionName, errors.New("a publish was interrupted; the next one cleans up"))
	}
	for _, suite := range r.settings.Suites {
		v.suite(ctx, suite)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(v.faults...)
}

// verifier collects faults.
type verifier struct {
	*Repository
	faults []error
	seen   map[string]bool // packages that were checked, by their stanzas
}

func (v *verifier) fault(what string, err error) {
	if err != nil {
		v.faults = append(v.faults, fmt.Errorf("%s: %w", what, err))
	}
}

func (v *verifier) suite(ctx context.Context, suite string) {
	g, err := v.current(suite)
	if err != nil {
		v.fault(suite, err)
		return
	}
	v.signatures(suite)
	for _, x := range g.indices {
		v.index(g, x)
	}
	entries, err := v.entries(g)
	if err != nil {
		v.fault(suite, err)
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			return
		}
		if !v.seen[string(e.stanza)] {
			v.seen[string(e.stanza)] = true
			v.fault(suite+": "+e.key.String(), v.pooled(e))
		}
	}
}

// signatures checks InRelease, and that Release and Release.gpg say the same.
func (v *verifier) signatures(suite string) {
	dir := path.Join("dists", suite)
	content := map[string][]byte{}
	for _, name := range []string{"InRelease", "Release", "Release.gpg"} {
		data, err := readAll(v.files, path.Join(dir, name))
		v.fault(path.Join(dir, name), err)
		content[name] = data
	}
	text, err := v.keys.VerifyClear(content["InRelease"])
	v.fault(dir, err)
	v.fault(dir, v.keys.VerifyDetached(content["Release"], content["Release.gpg"]))
	if !bytes.Equal(text, content["Release"]) {
		v.fault(dir, errors.New("the file Release does not say what InRelease says"))
	}
}

// index checks both files of an index under both of their names.
func (v *verifier) index(g generation, x index) {
	dir := dirOf(g.suite, x.Architecture)
	for name, want := range map[string]blob{
		byHash(dir, x.Plain): x.Plain, path.Join(dir, "Packages"): x.Plain,
		byHash(dir, x.Packed): x.Packed, path.Join(dir, "Packages.gz"): x.Packed,
	} {
		got, err := v.blobOf(name)
		if err == nil && got != want {
			err = fmt.Errorf("it has %d bytes with SHA-256 %s, the release says %d and %s", got.Size, got.SHA256, want.Size, want.SHA256)
		}
		v.fault(name, err)
	}
	v.fault(dir, v.unpacks(dir, x))
	v.fault(dir, v.chunks(dir, x))
}

func (v *verifier) blobOf(name string) (blob, error) {
	file, err := v.files.Open(name)
	if err != nil {
		return blob{}, err
	}
	defer file.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	return blob{hex.EncodeToString(sum.Sum(nil)), size}, err
}

// unpacks checks that Packages.gz holds what Packages does.
func (v *verifier) unpacks(dir string, x index) error {
	file, err := v.files.Open(byHash(dir, x.Packed))
	if err != nil {
		return err
	}
	defer file.Close()
	gz, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("cannot unpack Packages.gz: %w", err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, gz); err != nil {
		return fmt.Errorf("cannot unpack Packages.gz: %w", err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != x.Plain.SHA256 {
		return errors.New("the file Packages.gz does not unpack to Packages")
	}
	return nil
}

// chunks checks the table on which the next publish builds, and the order of
// the packages.
func (v *verifier) chunks(dir string, x index) error {
	plain, packed, err := x.open(v.files, dir)
	if err != nil {
		return err
	}
	defer plain.Close()
	defer packed.Close()
	if err := checkParts(plain, x.Plain.Size, x.Chunks, func(c chunk) part { return c.Plain }); err != nil {
		return err
	}
	if err := checkParts(packed, packedSize(x), x.Chunks, func(c chunk) part { return c.Packed }); err != nil {
		return err
	}
	var last key
	for i, c := range x.Chunks {
		entries, err := x.read(plain, i)
		if err != nil {
			return err
		}
		if first := entries[0].key; c.First != first && c.First != (key{}) {
			return fmt.Errorf("a chunk begins with %s, the table says %s", first, c.First)
		}
		for _, e := range entries {
			if last.compare(e.key) >= 0 {
				return fmt.Errorf("%s stands after %s", e.key, last)
			}
			last = e.key
		}
	}
	return nil
}

// packedSize is how long all chunks of Packages.gz are: without any, it has a member
// that is none.
func packedSize(x index) int64 {
	if len(x.Chunks) == 0 {
		return 0
	}
	return x.Packed.Size
}

func checkParts(file File, size int64, chunks []chunk, of func(chunk) part) error {
	read := &output{draft: nowhere{}, sum: sha256.New()}
	for _, c := range chunks {
		want := of(c)
		got, err := read.part()
		if err != nil {
			return err
		}
		if !bytes.Equal(got.State, want.State) || want.Size <= 0 {
			return fmt.Errorf("the table of chunks is wrong at byte %d", read.size)
		}
		if err := read.copy(file, read.size, want.Size); err != nil {
			return err
		}
	}
	if read.size != size {
		return fmt.Errorf("the table of chunks ends at byte %d of %d", read.size, size)
	}
	return nil
}

// nowhere is a draft that keeps nothing.
type nowhere struct{ Draft }

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// pooled checks a package file against its stanza.
func (v *verifier) pooled(e entry) error {
	p, err := e.describe()
	if err != nil {
		return err
	}
	if p.Filename != poolName(e.key) && p.Filename != olderPoolName(e.key) {
		return fmt.Errorf("its file is said to be %s", p.Filename)
	}
	got, err := v.blobOf(p.Filename)
	if err != nil {
		return err
	}
	if want := (blob{p.SHA256, p.Size}); got != want {
		return fmt.Errorf("%s has %d bytes with SHA-256 %s, the index says %d and %s", p.Filename, got.Size, got.SHA256, want.Size, want.SHA256)
	}
	file, err := v.files.Open(p.Filename)
	if err != nil {
		return err
	}
	defer file.Close()
	control, err := deb.Verify(file, p.Size)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Filename, err)
	}
	stanza, err := stanzaOf(control, p)
	if err == nil && !bytes.Equal(stanza, e.stanza) {
		err = fmt.Errorf("%s says something else of itself than the index", p.Filename)
	}
	return err
}

// stanzaOf returns a package's stanza in the index, in memory of its own: its control
// file, with what apt needs to fetch it.
func stanzaOf(control deb.Control, p Package) ([]byte, error) {
	s, err := control.Stanza, error(nil)
	if p.Version != control.Version {
		if s, err = s.With("Version", p.Version); err != nil {
			return nil, err
		}
	}
	s, err = s.Insert("Description",
		debian.Field{Name: "Filename", Value: p.Filename},
		debian.Field{Name: "Size", Value: strconv.FormatInt(p.Size, 10)},
		debian.Field{Name: "SHA256", Value: p.SHA256})
	return s.Bytes(), err
}
