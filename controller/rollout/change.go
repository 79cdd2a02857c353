package rollout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/debian"
)

// Change is what becomes of one package on a host. An empty version is that of a
// package that is not installed.
type Change struct {
	Package  string // with ":arch" if of another architecture than the host's
	Old, New string
}

// ChangeKind says what kind of change a Change is.
type ChangeKind string

// The kinds of change.
const (
	Addition    ChangeKind = "new"
	Upgrade     ChangeKind = "upgrade"
	Downgrade   ChangeKind = "downgrade"
	Reinstall   ChangeKind = "reinstall"
	Replacement ChangeKind = "replacement" // another spelling of the same version
	Removal     ChangeKind = "removal"
)

// Kind tells what kind of change it is, by the order that dpkg has of versions.
func (c Change) Kind() ChangeKind {
	switch {
	case c.New == "":
		return Removal
	case c.Old == "":
		return Addition
	case c.Old == c.New:
		return Reinstall
	}
	switch order := debian.CompareVersions(c.Old, c.New); {
	case order < 0:
		return Upgrade
	case order > 0:
		return Downgrade
	}
	return Replacement
}

// String returns the change as "shop-web 1.0 -> 1.1", or with "(new)" or
// "(removed)" behind the one version that there is.
func (c Change) String() string {
	switch c.Kind() {
	case Removal:
		return c.Package + " " + c.Old + " (removed)"
	case Addition:
		return c.Package + " " + c.New + " (new)"
	}
	return c.Package + " " + c.Old + " -> " + c.New
}

func (c Change) validate() error {
	if c.Package == "" || c.Old == "" && c.New == "" {
		return fmt.Errorf("a change of %q from %q to %q is none", c.Package, c.Old, c.New)
	}
	return nil
}

// sortChanges returns the changes in the order of their packages.
func sortChanges(changes []Change) []Change {
	changes = slices.Clone(changes)
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Package, b.Package) })
	return changes
}
