package hostjob

import (
	"fmt"
	"slices"
	"strings"
)

// judge says what became of a job that ended: whether what is installed is what
// was asked for, and nothing was damaged on the way. Its exit status and its
// words only explain.
func judge(spec Spec, r result, log []byte) Outcome {
	if spec.Mode == Prefetch {
		return judgePrefetch(spec, r, log)
	}
	o := Outcome{
		Verdict: Done, Exit: r.exit,
		Before: versions(r.before), After: versions(r.after), Auto: r.auto,
		Damaged: damaged(r.after), Audit: strings.Join(r.audit, "\n"),
	}
	faults := faults(spec, r)
	switch {
	case len(faults) > 0:
		o.Verdict, o.Cause = Broken, findCause(log, spec.targets())
		if o.Cause.Text == "" {
			o.Cause = Cause{Text: faults[0], Output: faults[1:]}
		}
		o.Notes = faults
	case r.exit != 0:
		o.Notes = append(o.Notes, fmt.Sprintf("apt exited with %d although all is as asked (%s)", r.exit, findCause(log, spec.targets())))
	}
	if len(faults) == 0 && len(o.Damaged) > 0 {
		o.Notes = append(o.Notes, "damaged before, and still: "+strings.Join(o.Damaged, ", "))
	}
	return o
}

// faults lists in what the host is not as was asked.
func faults(spec Spec, r result) []string {
	list := slices.Clone(r.refused)
	for _, t := range spec.targets() {
		if fault := targetFault(spec.Mode, t, r); fault != "" {
			list = append(list, fault)
		}
	}
	if r.stale && spec.Mode == DistUpgrade {
		list = append(list, "the package lists could not be refreshed")
	}
	if len(r.left) > 0 {
		list = append(list, "not upgraded: "+strings.Join(r.left, ", "))
	}
	for _, d := range damaged(r.after) {
		name, _, _ := strings.Cut(d, " ")
		if r.before[name].damage() == "" && !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	return list
}

// targetFault says what is wrong with one package that was asked for, or "".
func targetFault(mode Mode, t Target, r result) string {
	name, now := r.find(r.after, t.Name)
	want := t.Version
	if want == "" {
		want = r.candidates[t.Name]
	}
	have := now.installed()
	_, before := r.find(r.before, t.Name)
	switch {
	case now.damage() != "":
		return fmt.Sprintf("%s (%s)", name, now.damage())
	case t.Absent && have != "":
		return fmt.Sprintf("%s %s is still installed", t.Name, have)
	case t.Absent:
		return ""
	case mode == OnlyUpgrade && have == "" && before.installed() == "":
		return ""
	case have == "":
		return t.Name + " is not installed"
	case want == "" || want == "(none)":
		return fmt.Sprintf("%s is %s, and apt knows no version to compare it with", t.Name, have)
	case have != want:
		return fmt.Sprintf("%s is %s, not %s", t.Name, have, want)
	}
	return ""
}
