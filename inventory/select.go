package inventory

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/didyoumean"
)

// FailedIn returns the names of the hosts that a rollout, named as a person types it, has
// left undone. Its errors are those of whoever typed that, unless they say otherwise.
type FailedIn func(rollout string) ([]HostName, error)

// Select returns the hosts that a selector picks, in inventory order and none
// twice. A name that does not exist and a selection without a host are errors,
// so that a slip never passes for a job with nothing to do. The grammar stands
// at term in selector.go.
//
// failedIn is asked for each rollout in the selector; nil knows of none. Of the hosts that
// it names, those that the inventory no longer has are left out: it knows which, and tells.
func (inv *Inventory) Select(selector string, failedIn FailedIn) ([]Host, error) {
	terms, err := parseSelector(selector)
	if err != nil {
		return nil, err
	}
	onlyExcept := !slices.ContainsFunc(terms, func(t term) bool { return !t.except })
	picked := make([]bool, len(inv.hosts))
	for i := range picked {
		picked[i] = onlyExcept
	}
	slices.SortStableFunc(terms, exceptLast)
	for _, t := range terms {
		members, err := inv.membersOf(selector, t, failedIn)
		if err != nil {
			return nil, err
		}
		for _, i := range members {
			picked[i] = !t.except
		}
	}
	return inv.picked(selector, picked)
}

func exceptLast(a, b term) int {
	switch {
	case a.except == b.except:
		return 0
	case b.except:
		return -1
	}
	return 1
}

func (inv *Inventory) picked(selector string, picked []bool) ([]Host, error) {
	var hosts []Host
	for i, yes := range picked {
		if yes {
			hosts = append(hosts, inv.hosts[i])
		}
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("selector %q selects no host", selector)
	}
	return hosts, nil
}

// membersOf returns the hosts that one term names.
func (inv *Inventory) membersOf(selector string, t term, failedIn FailedIn) ([]int, error) {
	var members []int
	switch t.kind {
	case byName:
		named, err := inv.named(selector, t)
		if err != nil {
			return nil, err
		}
		members = t.slice.of(named)
	case byFailure:
		failed, err := inv.failed(selector, t, failedIn)
		if err != nil {
			return nil, err
		}
		members = t.slice.of(failed)
	case byRange:
		return inv.ranged(selector, t)
	case byPattern:
		members = inv.matching(func(h *Host) bool { return match(t.name, string(h.Name)) })
	case byLabel:
		members = inv.matching(func(h *Host) bool {
			value, ok := h.Labels[t.name]
			return ok && match(t.value, value)
		})
	}
	if len(members) == 0 && !t.except {
		return nil, selectorError(selector, t.pos, "%q selects no host%s", t.text, inv.hintLabel(t))
	}
	return members, nil
}

func (inv *Inventory) named(selector string, t term) ([]int, error) {
	if t.name == allHosts {
		return inv.matching(func(*Host) bool { return true }), nil
	}
	if members, ok := inv.groups[t.name]; ok {
		return slices.Sorted(slices.Values(members)), nil
	}
	if i, ok := inv.index[HostName(t.name)]; ok {
		return []int{i}, nil
	}
	return nil, selectorError(selector, t.pos, "there is no group or host %q%s", t.name, didyoumean.Hint(t.name, inv.names))
}

func (inv *Inventory) ranged(selector string, t term) ([]int, error) {
	names, err := Expand(t.name)
	if err != nil {
		return nil, selectorError(selector, t.pos, "%w", err)
	}
	var members []int
	for _, name := range names {
		i, ok := inv.index[HostName(name)]
		if !ok {
			return nil, selectorError(selector, t.pos, "there is no host %q, which %q stands for", name, t.name)
		}
		members = append(members, i)
	}
	return members, nil
}

func (inv *Inventory) failed(selector string, t term, failedIn FailedIn) ([]int, error) {
	if failedIn == nil {
		return nil, selectorError(selector, t.pos, "there is no rollout %q", t.name)
	}
	names, err := failedIn(t.name)
	if err != nil {
		return nil, selectorError(selector, t.pos, "%w", err)
	}
	var members []int
	for _, name := range names {
		if i, ok := inv.index[name]; ok {
			members = append(members, i)
		}
	}
	slices.Sort(members)
	return slices.Compact(members), nil
}

func (inv *Inventory) matching(want func(*Host) bool) []int {
	var members []int
	for i := range inv.hosts {
		if want(&inv.hosts[i]) {
			members = append(members, i)
		}
	}
	return members
}

// match is path.Match for a checked pattern and a text in which / is a letter
// like any other.
func match(pattern, text string) bool {
	const noSlash = "\x00"
	ok, _ := path.Match(strings.ReplaceAll(pattern, "/", noSlash), strings.ReplaceAll(text, "/", noSlash)) // the pattern is checked
	return ok
}

// names yields everything that a term may name, groups first.
func (inv *Inventory) names(yield func(string) bool) {
	for _, group := range inv.order {
		if !yield(group) {
			return
		}
	}
	if !yield(allHosts) {
		return
	}
	for i := range inv.hosts {
		if !yield(string(inv.hosts[i].Name)) {
			return
		}
	}
}

// hintLabel says which label was probably meant by a label term.
func (inv *Inventory) hintLabel(t term) string {
	if t.kind != byLabel {
		return ""
	}
	labels := map[string]bool{}
	for i := range inv.hosts {
		for name := range inv.hosts[i].Labels {
			labels[name] = true
		}
	}
	if labels[t.name] {
		return "" // it is the value that nobody has
	}
	return didyoumean.Hint(t.name, slices.Values(slices.Sorted(maps.Keys(labels))))
}
