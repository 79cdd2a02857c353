package hostjob

import (
	"maps"
	"strings"
)

// DriftError says in what a host, or what apt would do there, is not as an exact
// job has it. Nothing was done.
type DriftError struct{ Differences []string }

func (e *DriftError) Error() string {
	return "cannot do what was planned: " + strings.Join(e.Differences, "; ")
}

// refusal is the error of an exact job that changed nothing, because it would
// have had to change something else.
func refusal(o Outcome, r result) error {
	if len(r.refused) == 0 || !maps.Equal(o.Before, o.After) {
		return nil
	}
	return &DriftError{Differences: r.refused}
}
