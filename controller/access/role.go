package access

import (
	"fmt"
	"slices"
)

// Role is what somebody may do. Each may all that those before it may.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"   // reads
	Operator Role = "operator" // rolls out, publishes, runs schedules
	Admin    Role = "admin"    // decides which hosts and packages there are
)

var ranks = []Role{Viewer, Operator, Admin}

// UnmarshalText reads a role, and refuses what is none.
func (r *Role) UnmarshalText(text []byte) error {
	if !slices.Contains(ranks, Role(text)) {
		return fmt.Errorf("%q is no role: want %s, %s or %s", text, Viewer, Operator, Admin)
	}
	*r = Role(text)
	return nil
}

// May reports whether r may do what needs a role. The zero Role may nothing.
func (r Role) May(needed Role) bool {
	return slices.Contains(ranks, needed) && slices.Index(ranks, r) >= slices.Index(ranks, needed)
}
