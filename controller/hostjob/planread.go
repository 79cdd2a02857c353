package hostjob

import (
	"fmt"
	"slices"
	"strings"
)

// plan puts together what the report says.
func (r *planReport) plan(spec Spec) (Plan, error) {
	p := Plan{
		Sources: Refresh(r.sources), KeptBack: r.kept, Deferred: r.deferred,
		System: r.system, Archives: r.archives,
		Damaged: r.damaged, Holder: r.holder, Notes: r.notes,
	}
	if r.exit != 0 {
		p.Held = r.held
		return p, &PlanError{Cause: planCause(r.exit, r.log)}
	}
	changes, err := parseSimulated(r.simulated)
	if err != nil {
		return Plan{}, err
	}
	p.Unchanged = Versions{}
	for name, f := range r.named {
		if version := f.installed(); version != "" && !slices.ContainsFunc(changes, func(c Change) bool { return c.Name == name }) {
			p.Unchanged[name] = version
		}
	}
	for _, c := range changes {
		r.complete(spec, &c)
		p.Changes = append(p.Changes, c)
		p.Growth -= r.touched[c.Name].installedBytes()
		if c.New != "" {
			o := r.find(c)
			if !slices.Contains(r.atHand, c.Name+"="+c.New) {
				p.Download += o.size
			}
			p.Growth += o.kib << 10
		}
		if slices.Contains(r.held, c.Name) {
			p.Held = append(p.Held, c.Name)
		}
	}
	return p, nil
}

func (f packageFacts) installedBytes() int64 {
	if f.installed() == "" {
		return 0
	}
	return f.kib << 10
}

// complete adds what apt's simulation does not say. What is asked for by name
// becomes manual, as apt has it; what else is new is there for its sake.
func (r *planReport) complete(spec Spec, c *Change) {
	if c.Architecture == "" {
		c.Architecture = r.touched[c.Name].architecture
	}
	named := slices.ContainsFunc(spec.Packages, func(t Target) bool { return t.Name == c.Name })
	switch {
	case c.New == "":
	case named && spec.Mode == Install:
	case c.Old == "":
		c.Auto = true
	default:
		c.Auto = slices.Contains(r.auto, c.Name)
	}
}

// planCause says why apt would not, with the dependencies that it names.
func planCause(exit int, log []string) Cause {
	text := strings.Join(log, "\n")
	c := findCause([]byte(text), nil)
	if _, unmet, found := strings.Cut(text, "The following packages have unmet dependencies:\n"); found {
		c.Output = nil
		for line := range strings.Lines(unmet) {
			if !strings.HasPrefix(line, " ") || len(c.Output) == maxOutput {
				break
			}
			c.Output = append(c.Output, strings.TrimSpace(clean(line)))
		}
	}
	switch {
	case exit == 124 || exit == 137:
		c = Cause{Text: fmt.Sprintf("apt took longer than %v", planIn), Output: c.Output}
	case c.Text == "":
		c.Text = fmt.Sprintf("apt-get exited with %d", exit)
	}
	return c
}
