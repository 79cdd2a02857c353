package hostjob

import (
	"fmt"

	"github.com/aptfleet/aptfleet/pkg/debian"
)

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

// validateChanges reports the first change of a spec that cannot be made.
func (s Spec) validateChanges() error {
	if len(s.Changes) == 0 || len(s.Packages) != 0 {
		return fmt.Errorf("cannot use job %s: mode %s takes changes, and no packages", s.ID, s.Mode)
	}
	seen := map[string]bool{}
	for _, c := range s.Changes {
		err := c.validate()
		switch {
		case err == nil && c.Old == "" && c.New == "":
			err = fmt.Errorf("it has no version")
		case err == nil && seen[c.Name]:
			err = fmt.Errorf("it is changed twice")
		}
		if err != nil {
			return fmt.Errorf("cannot use the change of %q in job %s: %w", c.Name, s.ID, err)
		}
		seen[c.Name] = true
	}
	for _, name := range s.Manual {
		if err := (Target{Name: name}).validate(); err != nil {
			return fmt.Errorf("cannot use package %q of job %s: %w", name, s.ID, err)
		}
	}
	return nil
}
