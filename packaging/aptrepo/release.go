package aptrepo

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/pkg/debian"
)

// dateFormat is that of RFC 5322 with the zone that apt asks for.
const dateFormat = "Mon, 02 Jan 2006 15:04:05 UTC"

// release is what a Release file says.
type release struct {
	origin, label, suite string
	date                 time.Time
	indices              []index
}

// bytes renders the release. Codename is the suite's name: the two are not
// different things here, and hosts refuse a release that changes either.
func (r release) bytes() []byte {
	var architectures []string
	var sums bytes.Buffer
	for _, x := range r.indices {
		architectures = append(architectures, x.Architecture)
		dir := path.Join(component, "binary-"+x.Architecture)
		fmt.Fprintf(&sums, " %s %d %s/Packages\n", x.Plain.SHA256, x.Plain.Size, dir)
		fmt.Fprintf(&sums, " %s %d %s/Packages.gz\n", x.Packed.SHA256, x.Packed.Size, dir)
	}
	return fmt.Appendf(nil, "Origin: %s\nLabel: %s\nSuite: %s\nCodename: %s\nDate: %s\nArchitectures: %s\nComponents: %s\nAcquire-By-Hash: yes\nSHA256:\n%s",
		r.origin, r.label, r.suite, r.suite, r.date.UTC().Format(dateFormat), strings.Join(architectures, " "), component, &sums)
}

// parseRelease reads what bytes wrote. Chunks are not in it.
func parseRelease(text []byte) (release, error) {
	s, err := debian.ParseStanza(text)
	if err != nil {
		return release{}, err
	}
	r := release{origin: s.Get("Origin"), label: s.Get("Label"), suite: s.Get("Suite")}
	if r.date, err = time.Parse(dateFormat, s.Get("Date")); err != nil {
		return release{}, fmt.Errorf("cannot read Date: %w", err)
	}
	sums, err := parseSums(s.Get("SHA256"))
	if err != nil {
		return release{}, err
	}
	for _, a := range strings.Fields(s.Get("Architectures")) {
		dir := path.Join(component, "binary-"+a)
		plain, ok1 := sums[dir+"/Packages"]
		packed, ok2 := sums[dir+"/Packages.gz"]
		if !ok1 || !ok2 || debian.ValidateArchitecture(a) != nil {
			return release{}, fmt.Errorf("cannot read SHA256: no index of architecture %q", a)
		}
		r.indices = append(r.indices, index{Architecture: a, Plain: plain, Packed: packed})
	}
	return r, nil
}

func parseSums(field string) (map[string]blob, error) {
	sums := map[string]blob{}
	for line := range strings.Lines(field) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 3 || len(words[0]) != 64 || strings.Trim(words[0], "0123456789abcdef") != "" {
			return nil, fmt.Errorf("cannot read SHA256: %q", line)
		}
		size, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil || size < 0 {
			return nil, fmt.Errorf("cannot read SHA256: %q", line)
		}
		sums[words[2]] = blob{words[0], size}
	}
	return sums, nil
}

// index returns the index of an architecture, an empty one if there is none.
func (r release) index(architecture string) index {
	if i := slices.IndexFunc(r.indices, func(x index) bool { return x.Architecture == architecture }); i >= 0 {
		return r.indices[i]
	}
	return index{Architecture: architecture}
}
