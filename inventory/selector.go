package inventory

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// A selector is terms with commas between them. Every term adds hosts, or with a
// "!" before it takes hosts away, whatever the order of the terms; one that has
// only "!" terms takes away from all.
//
//	web                 the hosts of a group, or the host of that name
//	web-*.example.com   hosts whose names match, by *, ? and [^a-c] as in path.Match
//	web-[01-20]         hosts of a range, written as in the inventory
//	web[0:9]            of the group's hosts in inventory order, from the first to
//	                    the tenth: both ends belong to it, either may be left
//	                    out, and a negative one counts from the end; web[3] is one
//	label:tier=web      hosts with the label; the value may be a pattern, and
//	                    label:tier alone asks only that there is one
//	failed:R42          hosts that a rollout has left undone; failed:R42[0:9] is a
//	                    slice of them, in inventory order like that of a group
//	all                 every host
//
// A word and a colon before a term is kept for other sources of hosts.
type term struct {
	text   string
	pos    int // of text in the selector, in bytes
	except bool
	kind   termKind
	name   string // of a group, host, label or rollout; or a pattern
	value  string // pattern of the label's value, "*" if there is none
	slice  *slice
}

type termKind int

const (
	byName termKind = iota
	byPattern
	byRange
	byLabel
	byFailure
)

// slice is [first:last], both included; negative ones count from the end.
type slice struct{ first, last int }

// selectorError is an error at a byte of a selector; people count it from 1.
func selectorError(selector string, pos int, format string, args ...any) error {
	return fmt.Errorf("selector %q, position %d: %w", selector, pos+1, fmt.Errorf(format, args...))
}

// parseSelector splits a selector into its terms.
func parseSelector(selector string) ([]term, error) {
	var terms []term
	for pos := 0; pos <= len(selector); {
		end := pos + termLength(selector[pos:])
		t, err := parseTerm(selector, pos, end)
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
		pos = end + 1
	}
	return terms, nil
}

// termLength returns how far the next comma outside brackets is.
func termLength(s string) int {
	inside := false
	for i := range len(s) {
		switch s[i] {
		case '[':
			inside = true
		case ']':
			inside = false
		case ',':
			if !inside {
				return i
			}
		}
	}
	return len(s)
}

func parseTerm(selector string, pos, end int) (term, error) {
	text, except := strings.CutPrefix(strings.TrimLeft(selector[pos:end], " "), "!")
	text = strings.TrimLeft(text, " ")
	t := term{text: strings.TrimRight(text, " "), pos: end - len(text), except: except}
	if t.text == "" {
		return t, selectorError(selector, t.pos, "a host, group or label is missing here")
	}
	if err := t.classify(); err != nil {
		return t, selectorError(selector, t.pos, "%w", err)
	}
	return t, nil
}

// classify finds out what kind of term the text is.
func (t *term) classify() error {
	if rest, ok := strings.CutPrefix(t.text, "label:"); ok {
		return t.setLabel(rest)
	}
	if rest, ok := strings.CutPrefix(t.text, "failed:"); ok {
		return t.setFailed(rest)
	}
	if head, inside, ok := cutBrackets(t.text); ok && isSlice(inside) {
		s, err := parseSlice(inside)
		t.kind, t.name, t.slice = byName, head, s
		return err
	}
	t.name = t.text
	switch {
	case strings.HasPrefix(t.text, "!"):
		return errors.New("two \"!\" are one too many")
	case strings.ContainsAny(t.text, "*?") || strings.Contains(t.text, "[^"):
		t.kind = byPattern
		if _, err := path.Match(t.text, ""); err != nil {
			return fmt.Errorf("the pattern %q has a bracket that is not closed, or an empty one", t.text)
		}
	case strings.ContainsAny(t.text, "[]"):
		t.kind = byRange
		_, err := Expand(t.text)
		return err
	}
	return nil
}

func (t *term) setLabel(text string) error {
	name, value, given := strings.Cut(text, "=")
	if !given {
		value = "*"
	}
	if name == "" {
		return errors.New("the name of the label is missing: label:NAME=VALUE")
	}
	if _, err := path.Match(value, ""); err != nil {
		return fmt.Errorf("the pattern %q has a bracket that is not closed, or an empty one", value)
	}
	t.kind, t.name, t.value = byLabel, name, value
	return nil
}

func (t *term) setFailed(text string) (err error) {
	t.kind, t.name = byFailure, text
	if head, inside, ok := cutBrackets(text); ok && isSlice(inside) {
		t.name = head
		t.slice, err = parseSlice(inside)
	}
	if t.name == "" {
		return errors.New("the rollout is missing: failed:ROLLOUT")
	}
	return err
}

// cutBrackets splits "web[0:9]", whose brackets are at its end and the only ones.
func cutBrackets(s string) (head, inside string, ok bool) {
	head, rest, found := strings.Cut(s, "[")
	inside, tail, closed := strings.Cut(rest, "]")
	return head, inside, found && closed && tail == "" && head != ""
}

// isSlice tells a group's slice from a range of names: only a slice has a colon
// or is one number, and no group's name ends in a range.
func isSlice(inside string) bool {
	if strings.Contains(inside, ":") {
		return true
	}
	_, err := strconv.Atoi(inside)
	return err == nil
}

func parseSlice(inside string) (*slice, error) {
	firstText, lastText, isRange := strings.Cut(inside, ":")
	if !isRange {
		lastText = firstText
	}
	first, err := sliceBound(firstText, 0)
	if err != nil {
		return nil, err
	}
	last, err := sliceBound(lastText, -1)
	if err != nil {
		return nil, err
	}
	if (first < 0) == (last < 0) && first > last {
		return nil, fmt.Errorf("the slice [%s] runs backwards", inside)
	}
	return &slice{first, last}, nil
}

func sliceBound(text string, missing int) (int, error) {
	if text == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no index: slices are [FIRST:LAST], counted from 0", text)
	}
	return n, nil
}

// of returns the part of a list that the slice stands for; a nil slice is all.
func (s *slice) of(list []int) []int {
	if s == nil {
		return list
	}
	first, last := s.first, s.last
	if first < 0 {
		first = max(0, first+len(list))
	}
	if last < 0 {
		last += len(list)
	}
	last = min(last, len(list)-1)
	if first > last {
		return nil
	}
	return list[first : last+1]
}
