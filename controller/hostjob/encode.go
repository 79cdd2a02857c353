package hostjob

import (
	"cmp"
	"fmt"
	"strings"
)

// encode writes the spec as the work on the host reads it: a key and a value a
// line. Owner and ReattachFor are not part of it: others may attach.
func (s Spec) encode() string {
	var b strings.Builder
	fmt.Fprintf(&b, "format 1\nmode %s\nrefresh %s\nlock-timeout %d\n", s.Mode, s.Refresh, int(s.LockTimeout.Seconds()))
	if s.AllowDowngrades {
		b.WriteString("allow-downgrades yes\n")
	}
	if s.AllowHeld {
		b.WriteString("allow-held yes\n")
	}
	for _, o := range conffileOptions[s.Conffiles] {
		fmt.Fprintf(&b, "conffile-option %s\n", o)
	}
	s.encodeChanges(&b)
	for _, t := range s.targets() {
		if t.Absent {
			fmt.Fprintf(&b, "absent %s\n", t.Name)
			continue
		}
		fmt.Fprintf(&b, "package %s\n", t)
	}
	return b.String()
}

// archiveLimit is how many KiB of packages a host keeps for later.
const archiveLimit = 2 << 20

// encodeChanges writes what the modes need that take changes.
func (s Spec) encodeChanges(b *strings.Builder) {
	if s.Mode == Prefetch {
		fmt.Fprintf(b, "archive-limit %d\n", archiveLimit)
	}
	for _, c := range s.Changes {
		switch {
		case s.Mode == Prefetch && c.Old != "":
			fmt.Fprintf(b, "outgoing %s=%s\n", c.Name, c.Old)
		case s.Mode == Exact && !s.AnyOld:
			fmt.Fprintf(b, "from %s=%s\n", c.Name, cmp.Or(c.Old, "-"))
		}
		if s.Mode == Exact && c.Auto && c.New != "" {
			fmt.Fprintf(b, "auto %s\n", c.Name)
		}
	}
	for _, name := range s.Manual {
		fmt.Fprintf(b, "manual %s\n", name)
	}
}

// targets are the packages that a job is asked for, in whatever form.
func (s Spec) targets() []Target {
	targets := s.Packages
	for _, c := range s.Changes {
		switch {
		case c.New != "":
			targets = append(targets, Target{Name: c.Name, Version: c.New})
		case s.Mode == Exact:
			targets = append(targets, Target{Name: c.Name, Absent: true})
		}
	}
	return targets
}
