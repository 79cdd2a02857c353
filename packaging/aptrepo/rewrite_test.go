package aptrepo

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// TestRewriteIsAsFromScratch applies random edits to an index of many chunks,
// and holds the result against a plain list.
func TestRewriteIsAsFromScratch(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			f := newFixture(t)
			want := map[key][]byte{}
			for round := range 8 {
				f.edit(randomEdits(random, want, round))
				f.holds(want)
			}
		})
	}
}

// randomEdits adds many packages in the first round, takes away many in the
// fourth, and changes few in the others. It keeps want up to date.
func randomEdits(random *rand.Rand, want map[key][]byte, round int) []entry {
	count := 1 + random.IntN(4)
	if round == 0 || round == 4 {
		count = 600
	}
	edits := map[key]entry{}
	for range count {
		k := key{fmt.Sprintf("app%03d", random.IntN(800)), fmt.Sprintf("1.%d", random.IntN(3)), "amd64"}
		e := entry{key: k}
		if _, there := want[k]; !there && round != 4 {
			e.stanza = fmt.Appendf(nil, "Package: %s\nVersion: %s\nArchitecture: %s\nFill: %s\n", k.Name, k.Version, k.Architecture, strings.Repeat("x", random.IntN(2000)))
			want[k] = e.stanza
		} else if there && edits[k].stanza == nil {
			delete(want, k)
		} else {
			continue
		}
		edits[k] = e
	}
	var sorted []entry
	for _, e := range edits {
		sorted = append(sorted, e)
	}
	sortEntries(sorted)
	return sorted
}

func (f fixture) edit(edits []entry) {
	f.t.Helper()
	err := f.update(f.t.Context(), func() error {
		old, err := f.current("nightly")
		if err != nil {
			return err
		}
		_, err = f.replace(f.t.Context(), old, edits, nil)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// holds checks both files of the index, and the table.
func (f fixture) holds(want map[key][]byte) {
	f.t.Helper()
	var entries []entry
	for k, stanza := range want {
		entries = append(entries, entry{k, stanza})
	}
	sortEntries(entries)
	var text []byte
	for _, e := range entries {
		text = append(append(text, e.stanza...), '\n')
	}
	plain, err := readAll(f.files, "dists/nightly/main/binary-amd64/Packages")
	if err != nil || !bytes.Equal(plain, text) {
		f.t.Fatalf("Packages has %d bytes, want %d (%v)", len(plain), len(text), err)
	}
	packed, err := readAll(f.files, "dists/nightly/main/binary-amd64/Packages.gz")
	if err != nil {
		f.t.Fatal(err)
	}
	gz, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		f.t.Fatal(err)
	}
	if unpacked, err := io.ReadAll(gz); err != nil || !bytes.Equal(unpacked, text) {
		f.t.Fatalf("Packages.gz unpacks to %d bytes, want %d (%v)", len(unpacked), len(text), err)
	}
	g, err := f.current("nightly")
	if err != nil {
		f.t.Fatal(err)
	}
	v := &verifier{Repository: f.Repository}
	v.index(g, g.indices[0])
	if len(v.faults) > 0 {
		f.t.Fatal(v.faults)
	}
	if small := slices.ContainsFunc(g.indices[0].Chunks[:max(0, len(g.indices[0].Chunks)-1)], func(c chunk) bool { return c.Plain.Size > 2*chunkSize }); small {
		f.t.Errorf("a chunk is larger than two: %v", g.indices[0].Chunks)
	}
}

func FuzzParseRelease(f *testing.F) {
	r := release{origin: "Example", label: "Example", suite: "stable", indices: []index{{Architecture: "amd64", Plain: blob{strings.Repeat("0", 64), 1}, Packed: blob{strings.Repeat("f", 64), 2}}}}
	f.Add(r.bytes())
	f.Add([]byte("Date: Mon, 23 Nov 2026 12:00:00 UTC\nArchitectures: amd64\nSHA256:\n"))
	f.Add([]byte("Date: yesterday\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRelease(data)
		if err != nil {
			return
		}
		again, err := parseRelease(r.bytes())
		if err != nil || !bytes.Equal(again.bytes(), r.bytes()) {
			t.Errorf("%q reads as %q, and that as %q (%v)", data, r.bytes(), again.bytes(), err)
		}
	})
}
