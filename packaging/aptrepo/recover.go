package aptrepo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const intentionName = stateDir + "/pending.json"

// intention says what an update is about to write, so that the next one finds
// what it left if it is interrupted.
type intention struct {
	Version int      `json:"version"`
	Suite   string   `json:"suite"`
	Pool    []string `json:"pool"`
}

const intentionVersion = 1

func (r *Repository) intend(suite string, pool []incoming) error {
	names := make([]string, len(pool))
	for i, p := range pool {
		names[i] = p.Filename
	}
	return r.put(intentionName, intention{intentionVersion, suite, names})
}

// recover cleans up what an interrupted update has left: packages that no suite
// names, plain names that InRelease does not describe, indices and tables of a
// generation that never came. It may itself be interrupted, and runs again then.
func (r *Repository) recover() error {
	data, err := readAll(r.files, intentionName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var was intention
	if err := json.Unmarshal(data, &was); err != nil {
		return fmt.Errorf("cannot read %s: %w", intentionName, err)
	}
	if was.Version > intentionVersion {
		return fmt.Errorf("cannot read %s: a newer aptfleet wrote it (version %d)", intentionName, was.Version)
	}
	if err := r.forgetPool(was.Pool); err != nil {
		return err
	}
	if err := r.restore(was.Suite); err != nil {
		return err
	}
	return r.files.Remove(intentionName)
}

// forgetPool removes those packages that no suite names.
func (r *Repository) forgetPool(names []string) error {
	if len(names) == 0 {
		return nil
	}
	suites, err := r.suites()
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, suite := range suites {
		g, err := r.readRelease(suite)
		if err != nil {
			return err
		}
		if err := r.named(g.plain(), named); err != nil {
			return err
		}
	}
	return r.files.Remove(slices.DeleteFunc(names, func(name string) bool { return named[name] })...)
}

// suites returns those that have an InRelease, whatever the settings say.
func (r *Repository) suites() ([]string, error) {
	names, err := r.files.List("dists")
	var suites []string
	for _, name := range names {
		if dir, file := path.Split(name); file == "InRelease" {
			suites = append(suites, path.Base(dir))
		}
	}
	return suites, err
}

// named adds to names every file of the pool that one of the plain indices has.
func (r *Repository) named(indices []string, names map[string]bool) error {
	for _, index := range indices {
		file, err := r.files.Open(index)
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			if name, ok := bytes.CutPrefix(lines.Bytes(), []byte("Filename: ")); ok {
				names[string(name)] = true
			}
		}
		if err := errors.Join(lines.Err(), file.Close()); err != nil {
			return fmt.Errorf("cannot read %s: %w", index, err)
		}
	}
	return nil
}

// restore makes the files of a suite what its InRelease says.
func (r *Repository) restore(suite string) error {
	g, err := r.load(suite)
	if err != nil {
		return err
	}
	stray, err := r.strayIndices(g)
	if err != nil {
		return err
	}
	tables, err := r.files.List(tableDir(suite))
	if err != nil {
		return err
	}
	if g.id == "" {
		plain, err := r.files.List(path.Join("dists", suite))
		if err != nil {
			return err
		}
		return r.files.Remove(slices.Concat(stray, tables, plain)...)
	}
	stray = append(stray, slices.DeleteFunc(tables, func(name string) bool { return name == tableName(suite, g.id) })...)
	for _, p := range g.past {
		stray = slices.DeleteFunc(stray, func(name string) bool { return slices.Contains(p.files(), name) })
	}
	if err := r.restorePlain(g); err != nil {
		return err
	}
	return r.files.Remove(stray...)
}

// strayIndices returns the files by hash that are not the generation's own.
func (r *Repository) strayIndices(g generation) ([]string, error) {
	names, err := r.files.List(path.Join("dists", g.suite, component))
	own := g.files()
	return slices.DeleteFunc(names, func(name string) bool {
		return !strings.Contains(name, "/by-hash/") || slices.Contains(own, name)
	}), err
}

// restorePlain writes Release, Release.gpg and the plain names of the indices
// as InRelease describes them.
func (r *Repository) restorePlain(g generation) error {
	n := &next{files: r.files, new: g}
	defer n.discard()
	text := g.bytes()
	if hashOf(text) != g.id {
		return fmt.Errorf("%s: InRelease is not as this version writes it", g.suite)
	}
	puts, err := r.sign(n, text)
	if err != nil {
		return err
	}
	puts = puts[:2] // InRelease itself is right
	for _, x := range g.indices {
		dir := dirOf(g.suite, x.Architecture)
		for name, b := range map[string]blob{"Packages": x.Plain, "Packages.gz": x.Packed} {
			p, err := n.copy(path.Join(dir, name), byHash(dir, b))
			if err != nil {
				return err
			}
			puts = append(puts, p)
		}
	}
	return r.files.Commit(puts...)
}

// copy makes a draft with the content of another file.
func (n *next) copy(name, from string) (Put, error) {
	src, err := n.files.Open(from)
	if err != nil {
		return Put{}, err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return Put{}, err
	}
	p, err := n.draft(name, nil)
	if err != nil {
		return Put{}, err
	}
	return p, p.Draft.CopyFrom(src, 0, info.Size())
}
