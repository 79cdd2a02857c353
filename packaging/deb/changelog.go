package deb

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/pkg/debian"
	"github.com/aptfleet/aptfleet/pkg/lazyregexp"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// The first and last line of a changelog's entry (deb-changelog(5)).
var (
	entryTitle = lazyregexp.New(`^(\S+) \(([^()\s]+)\)((?: [-+.0-9a-zA-Z]+)+); *\w+=`)
	entryEnd   = lazyregexp.New(`^ -- .* <.*>  ?(.*)$`)
)

// release is one entry of a changelog.
type release struct {
	name, version string
	date          time.Time
	offset        int // of its first byte
}

// parseChangelog returns the entries in their order, the newest first.
func parseChangelog(text string) ([]release, error) {
	var entries []release
	offset, number, open := 0, 0, false
	for line := range strings.Lines(text) {
		number++
		begins := !strings.HasPrefix(line, " ") && line != "\n"
		var err error
		switch line := strings.TrimRight(line, "\n"); {
		case begins && open:
			err = errors.New("the entry before it does not end with a line \" -- Name <mail>  date\"")
		case begins:
			var entry release
			entry, err = parseTitle(line)
			entry.offset, open = offset, true
			entries = append(entries, entry)
		case open && strings.HasPrefix(line, " -- "):
			entries[len(entries)-1].date, err = parseEnd(line)
			open = false
		}
		if err != nil {
			return nil, fmt.Errorf("line %d %.80q: %w", number, line, err)
		}
		offset += len(line)
	}
	if len(entries) == 0 || open {
		return nil, errors.New("it has no entry, or ends within one")
	}
	return entries, nil
}

func parseTitle(line string) (release, error) {
	m := entryTitle().FindStringSubmatch(line)
	if m == nil {
		return release{}, errors.New("it does not begin an entry, as \"name (version) suite; urgency=medium\" does")
	}
	return release{name: m[1], version: m[2]}, debian.ValidateVersion(m[2])
}

func parseEnd(line string) (time.Time, error) {
	if m := entryEnd().FindStringSubmatch(line); m != nil {
		if date, err := time.Parse("Mon, _2 Jan 2006 15:04:05 -0700", m[1]); err == nil {
			return date.UTC(), nil
		}
	}
	return time.Time{}, errors.New("it does not end an entry, as \" -- Name <mail>  Mon, 02 Jan 2006 15:04:05 +0000\" does")
}

// history is what the package says of its past, and the date of all its files.
type history struct {
	changelog string
	date      time.Time
}

// history reads the changelog. Entries above that of the recipe's version are
// not of this package yet and are left out; a version that is not there, as one
// given on the command line, gets an entry of its own.
//
// The date is that of SOURCE_DATE_EPOCH, else of the version's entry, else of
// the newest file of the package.
func (r *Recipe) history(t tree) (history, error) {
	text, entry, err := r.readChangelog()
	if err != nil {
		return history{}, r.errorf(tomlfile.Key{"changelog"}, "%w", err)
	}
	date, err := sourceDate(entry, t)
	if err != nil {
		return history{}, err
	}
	if entry == nil {
		text = r.newEntry(date) + text
	}
	return history{text, date}, nil
}

// readChangelog returns the text from the entry of the recipe's version on; or
// all of it and no entry.
func (r *Recipe) readChangelog() (text string, entry *release, err error) {
	if r.Changelog == "" {
		return "", nil, nil
	}
	if text, err = r.readText(r.Changelog); err != nil {
		return "", nil, err
	}
	entries, err := parseChangelog(text)
	if err == nil && entries[0].name != r.Name {
		err = fmt.Errorf("it is that of package %s", entries[0].name)
	}
	if err != nil {
		return "", nil, fmt.Errorf("cannot use %s: %w", r.Changelog, err)
	}
	for _, e := range entries {
		if e.version == r.Version {
			return text[e.offset:], &e, nil
		}
	}
	return text, nil, nil
}

func (r *Recipe) newEntry(date time.Time) string {
	entry := fmt.Sprintf("%s (%s) unstable; urgency=medium\n\n  * Build of version %s.\n\n -- %s  %s\n",
		r.Name, r.Version, r.Version, r.Maintainer, date.Format(time.RFC1123Z))
	if r.Changelog == "" {
		return entry
	}
	return entry + "\n"
}

// sourceDate chooses the date of the package's files (see history).
func sourceDate(entry *release, t tree) (time.Time, error) {
	if s := os.Getenv("SOURCE_DATE_EPOCH"); s != "" {
		seconds, err := strconv.ParseInt(s, 10, 64)
		if err != nil || seconds < 0 {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %q is no number of seconds", s)
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	if entry != nil {
		return entry.date, nil
	}
	latest := time.Unix(0, 0)
	for _, n := range t {
		if n.modified.After(latest) {
			latest = n.modified
		}
	}
	return latest.UTC().Truncate(time.Second), nil
}

// addDocs adds changelog, copyright and lintian's overrides where Debian has them.
func (r *Recipe) addDocs(t tree, changelog string) error {
	docs := "/usr/share/doc/" + r.Name + "/"
	name := "changelog.gz" // of a package without a Debian revision (policy 12.7)
	if strings.Contains(r.Version, "-") {
		name = "changelog.Debian.gz"
	}
	if err := addGzipped(t, docs+name, []byte(changelog)); err != nil {
		return err
	}
	return errors.Join(
		r.addText(t, "copyright", r.Copyright, docs+"copyright"),
		r.addText(t, "lintian_overrides", r.LintianOverrides, "/usr/share/lintian/overrides/"+r.Name))
}

// addText adds the file that a key names, if it names one.
func (r *Recipe) addText(t tree, key, src, dst string) error {
	if src == "" {
		return nil
	}
	text, err := r.readText(src)
	if err == nil {
		err = t.add(textNode(dst, []byte(text)))
	}
	if err != nil {
		return r.errorf(tomlfile.Key{key}, "%w", err)
	}
	return nil
}

func (r *Recipe) readText(src string) (string, error) {
	text, err := os.ReadFile(r.source(src))
	if err != nil {
		return "", notThere(r.source(src), err)
	}
	return string(text), nil
}
