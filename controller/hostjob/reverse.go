package hostjob

import (
	"slices"
	"strings"
)

// Reverse lists the changes that bring a host back to where it was before the
// job, for mode exact with AnyOld.
func (o Outcome) Reverse() []Change {
	var back []Change
	for name, version := range o.Before {
		if o.After[name] != version {
			auto := slices.ContainsFunc(o.Auto, func(a string) bool { return a == name || strings.HasPrefix(name, a+":") })
			back = append(back, Change{Name: name, Old: o.After[name], New: version, Auto: auto})
		}
	}
	for name, version := range o.After {
		if _, was := o.Before[name]; !was {
			back = append(back, Change{Name: name, Old: version})
		}
	}
	slices.SortFunc(back, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	return back
}
