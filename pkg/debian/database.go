package debian

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Database is what dpkg has on record about a host's packages: its file status,
// and over it those of the folder updates, in the order of their names
// (dpkg's modstatdb). The zero value knows of no package.
type Database struct {
	records map[string]record // by NAME:ARCHITECTURE
	native  string            // the architecture of dpkg itself
}

// record is what is kept of a stanza.
type record struct {
	name, arch, version string
	state, flag         string // of its Status: "installed", "ok"
	same                bool   // Multi-Arch: same, so that the name alone is ambiguous
}

// Read takes the stanzas of r in; one of a package that is known replaces what
// is known of it.
func (d *Database) Read(r io.Reader) error {
	if d.records == nil {
		d.records = map[string]record{}
	}
	stanzas := NewStanzaReader(r)
	for {
		s, err := stanzas.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.add(s); err != nil {
			return err
		}
	}
}

func (d *Database) add(s Stanza) error {
	rec := record{name: s.Get("Package"), arch: s.Get("Architecture"), version: s.Get("Version"), same: s.Get("Multi-Arch") == "same"}
	status := strings.Fields(s.Get("Status"))
	if len(status) != 3 {
		return fmt.Errorf("cannot read the status of package %q from %q: want three words such as \"install ok installed\"", rec.name, s.Get("Status"))
	}
	if err := ValidatePackageName(rec.name); err != nil {
		return err
	}
	if rec.arch != "" { // which dpkg of old did not record
		if err := ValidateArchitecture(rec.arch); err != nil {
			return fmt.Errorf("%s: %w", rec.name, err)
		}
	}
	rec.flag, rec.state = status[1], status[2]
	d.records[rec.name+":"+rec.arch] = rec
	if rec.name == "dpkg" && rec.done() {
		d.native = rec.arch
	}
	return nil
}

// done reports that the package is installed and dpkg has nothing left to do.
func (r record) done() bool { return r.state == "installed" && r.flag == "ok" }

// unfinished reports that dpkg began something with the package and did not end
// it.
func (r record) unfinished() bool {
	switch r.state {
	case "not-installed", "config-files", "installed":
		return r.flag != "ok"
	}
	return true
}

// Version returns the installed version of a package, named with or without an
// architecture; ok is false where it is not installed, or only half. Without an
// architecture, that of dpkg itself comes first.
func (d *Database) Version(name string) (version string, ok bool) {
	name, arch, qualified := strings.Cut(name, ":")
	if qualified {
		rec := d.records[name+":"+arch]
		return rec.version, rec.done()
	}
	for _, arch := range []string{d.native, "all"} {
		if rec := d.records[name+":"+arch]; rec.done() {
			return rec.version, true
		}
	}
	return d.foreign(name)
}

// foreign returns the version of a package that is only there for another
// architecture than the host's own, the first by name.
func (d *Database) foreign(name string) (version string, ok bool) {
	first := ""
	for key, rec := range d.records {
		if rec.name == name && rec.done() && (first == "" || key < first) {
			first, version = key, rec.version
		}
	}
	return version, first != ""
}

// Installed returns the names, without architecture, and versions of all
// packages that dpkg is done with, in no order.
func (d *Database) Installed() iter.Seq2[string, string] {
	return func(yield func(name, version string) bool) {
		for _, rec := range d.records {
			if rec.done() && !yield(rec.name, rec.version) {
				return
			}
		}
	}
}

// Unfinished tells of each package with which dpkg is not done, as in
// "shop 1.2-1 is half-configured", sorted.
func (d *Database) Unfinished() []string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(d.records)) {
		if rec := d.records[key]; rec.unfinished() {
			lines = append(lines, rec.words())
		}
	}
	return lines
}

func (r record) words() string {
	words := r.name
	if r.same {
		words += ":" + r.arch
	}
	words += " " + r.version + " is " + r.state
	if r.flag != "ok" {
		words += " (" + r.flag + ")"
	}
	return words
}
