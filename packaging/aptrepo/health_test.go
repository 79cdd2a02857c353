package aptrepo

import (
	"os"
	"path/filepath"
	"slices"
)

// healthyByHash checks what a client may fetch right now: InRelease is signed,
// and everything it names is there, by its hash, down to the packages.
func (f fixture) healthyByHash(where string) {
	f.t.Helper()
	for _, suite := range f.Suites() {
		data, err := os.ReadFile(filepath.Join(f.root, "dists", suite, "InRelease"))
		if err != nil {
			f.t.Errorf("%s: %v", where, err)
			continue
		}
		if _, err := f.keys.VerifyClear(data); err != nil {
			f.t.Errorf("%s: %s: %v", where, suite, err)
		}
		g, err := f.readRelease(suite)
		if err != nil {
			f.t.Errorf("%s: %v", where, err)
			continue
		}
		f.healthyIndices(where, g)
	}
}

func (f fixture) healthyIndices(where string, g generation) {
	f.t.Helper()
	v := &verifier{Repository: f.Repository}
	for _, x := range g.indices {
		dir := dirOf(g.suite, x.Architecture)
		for _, want := range []blob{x.Plain, x.Packed} {
			if got, err := v.blobOf(byHash(dir, want)); err != nil || got != want {
				f.t.Errorf("%s: %s is %v, want %v (%v)", where, byHash(dir, want), got, want, err)
			}
		}
	}
	entries, err := f.entries(g)
	if err != nil {
		f.t.Errorf("%s: %v", where, err)
	}
	for _, e := range entries {
		if err := v.pooled(e); err != nil {
			f.t.Errorf("%s: %v", where, err)
		}
	}
}

// only checks that the pool has these files and no others, and that nothing of
// an interrupted publish is left.
func (f fixture) only(where string, want ...string) {
	f.t.Helper()
	pool, err := f.files.List("pool")
	if err != nil {
		f.t.Fatal(err)
	}
	var got []string
	for _, name := range pool {
		got = append(got, filepath.Base(name))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		f.t.Errorf("%s: the pool has %q, want %q", where, got, want)
	}
	drafts, err := f.files.List(draftDir)
	if err != nil || len(drafts) > 0 {
		f.t.Errorf("%s: drafts are left: %q (%v)", where, drafts, err)
	}
	if _, err := os.Stat(filepath.Join(f.root, filepath.FromSlash(intentionName))); err == nil {
		f.t.Errorf("%s: the intention is left", where)
	}
	for _, suite := range f.Suites() {
		f.noStrays(where, suite)
	}
}

func (f fixture) noStrays(where, suite string) {
	f.t.Helper()
	g, err := f.load(suite)
	if err != nil {
		f.t.Fatal(err)
	}
	stray, err := f.strayIndices(g)
	for _, p := range g.past {
		stray = slices.DeleteFunc(stray, func(name string) bool { return slices.Contains(p.files(), name) })
	}
	if err != nil || len(stray) > 0 {
		f.t.Errorf("%s: indices are left: %q (%v)", where, stray, err)
	}
	if tables, err := f.files.List(tableDir(suite)); err != nil || len(tables) != 1 {
		f.t.Errorf("%s: %s has the tables %q (%v)", where, suite, tables, err)
	}
}
