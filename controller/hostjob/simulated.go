package hostjob

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/debian"
	"github.com/aptfleet/aptfleet/pkg/lazyregexp"
)

// What "apt-get -qq -s" prints (pkgSimulate in apt-pkg/algorithms.cc), the same
// in apt 2.6 and 3.0. Labels of sources, in the second brackets, may hold
// anything; behind them may be what is broken in between, in square brackets.
var (
	simulatedInst = lazyregexp.New(`^Inst (\S+)(?: \[(\S+)\])? \((\S+) (?:.* )?\[([a-z0-9-]+)\]\)(?: \[[^]]*\])*$`)
	simulatedRemv = lazyregexp.New(`^(?:Remv|Purg) (\S+)(?: \[(\S+)\])?(?: \[[^]]*\])*$`)
	simulatedConf = lazyregexp.New(`^Conf \S+ (?:\(.*\)(?: \[[^]]*\])*|broken)$`)
)

// parseSimulated reads the lines of a simulation into changes, in apt's order.
func parseSimulated(lines []string) ([]Change, error) {
	var changes []Change
	for _, line := range lines {
		c, err := parseSimulatedLine(line)
		if err != nil {
			return nil, fmt.Errorf("cannot read the line %.200q of apt's simulation: %w", line, err)
		}
		if c != (Change{}) {
			changes = addChange(changes, c)
		}
	}
	return changes, nil
}

// addChange joins what apt takes apart: a package that is removed to make room,
// and then installed.
func addChange(changes []Change, c Change) []Change {
	i := slices.IndexFunc(changes, func(o Change) bool { return o.Name == c.Name })
	if i < 0 {
		return append(changes, c)
	}
	if c.Old == "" {
		c.Old = changes[i].Old
	}
	changes[i] = c
	return changes
}

func parseSimulatedLine(line string) (c Change, err error) {
	if m := simulatedInst().FindStringSubmatch(line); m != nil {
		c = Change{Name: m[1], Old: m[2], New: m[3], Architecture: m[4]}
	} else if m := simulatedRemv().FindStringSubmatch(line); m != nil {
		c = Change{Name: m[1], Old: m[2]}
	} else if simulatedConf().MatchString(line) {
		return Change{}, nil
	} else {
		return Change{}, fmt.Errorf("it is neither Inst, Conf, Remv nor Purg")
	}
	return c, c.validate()
}

// validate refuses what could not be asked for by name and version.
func (c Change) validate() error {
	if err := (Target{Name: c.Name}).validate(); err != nil {
		return err
	}
	for _, version := range []string{c.Old, c.New} {
		if version == "" {
			continue
		}
		if err := debian.ValidateVersion(version); err != nil {
			return err
		}
	}
	if strings.ContainsAny(c.Architecture, " \n") {
		return fmt.Errorf("the architecture %q is none", c.Architecture)
	}
	return nil
}
