package hostjob

import (
	"maps"
	"slices"
	"strings"
)

// Verdict is what became of a job.
type Verdict string

// The verdicts.
const (
	NotStarted Verdict = "not started" // nothing was done to the host
	Running    Verdict = "running"     // it still was when it was last heard of
	Done       Verdict = "done"        // the host is as was asked
	Broken     Verdict = "broken"      // it ended, and the host is not as was asked
	Unknown    Verdict = "unknown"     // it was started, and the host cannot be asked
)

// Versions are installed versions by package, whose name has an ":arch" where
// dpkg gives it one.
type Versions map[string]string

// Of returns the installed version of a package, or "".
func (v Versions) Of(name string) string {
	if version, ok := v[name]; ok {
		return version
	}
	for _, other := range slices.Sorted(maps.Keys(v)) {
		if strings.HasPrefix(other, name+":") {
			return v[other]
		}
	}
	return ""
}

// Outcome is how a job stands or how it ended.
type Outcome struct {
	Verdict Verdict

	// Before and After have the packages that the job changed, and those that
	// were asked for. What is not installed is not in them.
	Before, After Versions

	Auto    []string // of what is in Before, those marked as installed automatically
	Missing []string // of a prefetch: what goes and cannot be had any more, as NAME=VERSION

	Damaged  []string // packages that dpkg has not finished with, as "name (state)"
	Audit    string   // what dpkg --audit says of them
	Cause    Cause    // why it is not Done
	Notes    []string // what a person should know although it is Done: repairs, wider sources, false failures
	Exit     int      // apt's exit status, -1 if it is not known
	Attempts int      // how often the work was begun: 1, and 1 more for each time it died
}
