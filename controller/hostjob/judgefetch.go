package hostjob

import (
	"slices"
	"strings"
)

// judgePrefetch says whether all that a job's changes bring is there. What they
// take away may be missing, which is worth a word.
func judgePrefetch(spec Spec, r result, log []byte) Outcome {
	o := Outcome{Verdict: Done, Exit: r.exit}
	var lacking []string
	for _, t := range spec.targets() {
		if slices.Contains(r.missing, t.String()) {
			lacking = append(lacking, t.String())
		}
	}
	for _, name := range r.missing {
		if !slices.Contains(lacking, name) {
			o.Missing = append(o.Missing, name)
		}
	}
	if len(o.Missing) > 0 {
		o.Notes = []string{"cannot be had any more, should it have to come back: " + strings.Join(o.Missing, ", ")}
	}
	if len(lacking) > 0 {
		o.Verdict, o.Cause = Broken, findCause(log, nil)
		o.Notes = append([]string{"could not be fetched: " + strings.Join(lacking, ", ")}, o.Notes...)
		if o.Cause.Text == "" {
			o.Cause = Cause{Text: o.Notes[0]}
		}
	}
	return o
}
