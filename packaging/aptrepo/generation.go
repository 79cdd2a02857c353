package aptrepo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/packaging/sign"
)

// generation is a suite as one InRelease describes it, and what is needed to
// make the next.
type generation struct {
	release
	id     string // the hash of its release; "" before the first
	signed []byte // its InRelease, where it was read
	past   []past
}

// past is a generation that was replaced, whose files clients may still want.
type past struct {
	Replaced time.Time `json:"replaced"`
	Plain    []string  `json:"plain"`  // the indices by their hashes; later
	Packed   []string  `json:"packed"` // generations may have some of them too
}

// table is the stored form of what a release does not say. It is only a cache:
// without it the next publish reads all indices once.
type table struct {
	Version int     `json:"version"`
	Indices []index `json:"indices"`
	Past    []past  `json:"past"`
}

const tableVersion = 1

const (
	keepGenerations = 3 // the current one is one of them
	keepTime        = time.Hour
)

func inReleaseName(suite string) string      { return path.Join("dists", suite, "InRelease") }
func tableDir(suite string) string           { return path.Join(stateDir, "suites", suite) }
func tableName(suite, release string) string { return path.Join(tableDir(suite), release+".json") }

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// readRelease reads what the suite's InRelease says; ErrNoSuite if there is none.
func (r *Repository) readRelease(suite string) (generation, error) {
	data, err := readAll(r.files, inReleaseName(suite))
	if errors.Is(err, fs.ErrNotExist) {
		others := slices.DeleteFunc(slices.Clone(r.settings.Suites), func(s string) bool { return s == suite })
		return generation{}, fmt.Errorf("%s: %w: there are %s", suite, ErrNoSuite, strings.Join(others, ", "))
	}
	if err != nil {
		return generation{}, err
	}
	text, err := sign.Release(data)
	if err != nil {
		return generation{}, fmt.Errorf("%s: %w", suite, err)
	}
	rel, err := parseRelease(text)
	if err != nil {
		return generation{}, fmt.Errorf("%s: cannot read InRelease: %w", suite, err)
	}
	if rel.suite != suite {
		return generation{}, fmt.Errorf("%s: its InRelease is that of the suite %s", suite, rel.suite)
	}
	return generation{release: rel, id: hashOf(text), signed: data}, nil
}

// load returns the suite's current generation with its chunks, and an empty one
// for a suite that has none yet. Only the holder of the lock may call it.
func (r *Repository) load(suite string) (generation, error) {
	g, err := r.readRelease(suite)
	if errors.Is(err, ErrNoSuite) {
		return generation{release: release{origin: r.settings.Origin, label: r.settings.Label, suite: suite}}, nil
	}
	return r.withTable(g, err)
}

// current is load for a suite that must be there.
func (r *Repository) current(suite string) (generation, error) {
	if err := validateSuite(suite); err != nil {
		return generation{}, err
	}
	return r.withTable(r.readRelease(suite))
}

func (r *Repository) withTable(g generation, err error) (generation, error) {
	if err != nil {
		return g, err
	}
	t, err := r.readTable(g)
	if err != nil {
		return g, err
	}
	g.indices, g.past = t.Indices, t.Past
	return g, nil
}

// readTable reads the table of a generation, or makes one where it is lost:
// each index is one chunk then, and all other files are of the past.
func (r *Repository) readTable(g generation) (table, error) {
	name := tableName(g.suite, g.id)
	data, err := readAll(r.files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return r.lostTable(g)
	}
	if err != nil {
		return table{}, err
	}
	var t table
	if err := json.Unmarshal(data, &t); err != nil {
		return r.lostTable(g)
	}
	if t.Version > tableVersion {
		return table{}, fmt.Errorf("cannot read %s: a newer aptfleet wrote it (version %d)", name, t.Version)
	}
	return t, nil
}

func (r *Repository) lostTable(g generation) (table, error) {
	state, err := (&output{sum: sha256.New()}).part()
	if err != nil {
		return table{}, err
	}
	var t table
	for _, x := range g.indices {
		if x.Plain.Size > 0 {
			x.Chunks = []chunk{{Plain: part{x.Plain.Size, state.State}, Packed: part{x.Packed.Size, state.State}}}
		}
		t.Indices = append(t.Indices, x)
	}
	others, err := r.strayIndices(g)
	if err != nil {
		return table{}, err
	}
	if len(others) > 0 {
		t.Past = []past{{Replaced: r.now(), Packed: others}} // which is which can't be told
	}
	return t, nil
}

func (p past) files() []string { return slices.Concat(p.Plain, p.Packed) }

// plain returns the generation's indices by their hashes, packed those of Packages.gz.
func (g generation) plain() []string {
	var names []string
	for _, x := range g.indices {
		names = append(names, byHash(dirOf(g.suite, x.Architecture), x.Plain))
	}
	return names
}

func (g generation) packed() []string {
	var names []string
	for _, x := range g.indices {
		names = append(names, byHash(dirOf(g.suite, x.Architecture), x.Packed))
	}
	return names
}

func (g generation) files() []string { return slices.Concat(g.plain(), g.packed()) }

func readAll(files Files, name string) ([]byte, error) {
	file, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, info.Size()) // one that is written has another name until it is whole
	_, err = io.ReadFull(file, data)
	return data, err
}
