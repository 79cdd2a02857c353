package hostjob

import "github.com/aptfleet/aptfleet/pkg/debian"

// Change is what happens to one package: it is installed, upgraded, downgraded
// or removed.
type Change struct {
	Name         string // as apt has it: with ":arch" if of another architecture than the host's
	Architecture string // "all" among them; "" if it is not known
	Old, New     string // exact versions; "" is not installed
	Auto         bool   // it is there for others' sake, and marked so: apt's autoremove may take it
}

// Downgrade reports whether an older version takes the place of a newer one.
func (c Change) Downgrade() bool {
	return c.Old != "" && c.New != "" && debian.CompareVersions(c.Old, c.New) > 0
}
