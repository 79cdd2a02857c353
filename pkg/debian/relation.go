package debian

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Relation is one package that another depends on, conflicts with and so on,
// as in "libc6:any (>= 2.34)".
type Relation struct {
	Name      string
	Qualifier string // an architecture, "any", or ""
	Operator  string // "<<", "<=", "=", ">=", ">>", or "" for any version
	Version   string
}

// Relations is the value of a field such as Depends: every element must be
// satisfied, each by one of its alternatives.
type Relations [][]Relation

// relationFields says of each field of relations what it may hold (deb-control(5)).
var relationFields = map[string]struct{ alternatives, anyOperator bool }{
	"Pre-Depends": {true, true},
	"Depends":     {true, true},
	"Recommends":  {true, true},
	"Suggests":    {true, true},
	"Enhances":    {true, true},
	"Conflicts":   {false, true},
	"Breaks":      {false, true},
	"Replaces":    {false, true},
	"Provides":    {false, false},
}

// ParseRelations reads the value of the named field of a binary package.
// Restrictions to architectures or build profiles, and substitution variables,
// belong to source packages and are errors here.
func ParseRelations(field, value string) (Relations, error) {
	rules, ok := relationFields[field]
	if !ok {
		return nil, fmt.Errorf("field %s has no relations", field)
	}
	var all Relations
	for group := range strings.SplitSeq(value, ",") {
		var alternatives []Relation
		for text := range strings.SplitSeq(group, "|") {
			r, err := parseRelation(strings.TrimSpace(text))
			if err == nil && !rules.anyOperator && r.Operator != "" && r.Operator != "=" {
				err = errors.New(`only "=" is possible`)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: cannot read relation %q: %w", field, strings.TrimSpace(text), err)
			}
			alternatives = append(alternatives, r)
		}
		if len(alternatives) > 1 && !rules.alternatives {
			return nil, fmt.Errorf("%s: cannot read relation %q: alternatives are not possible", field, strings.TrimSpace(group))
		}
		all = append(all, alternatives)
	}
	return all, nil
}

func parseRelation(text string) (Relation, error) {
	switch {
	case text == "":
		return Relation{}, errors.New("it is empty")
	case strings.Contains(text, "${"):
		return Relation{}, errors.New("substitution variables belong to source packages")
	case strings.ContainsAny(text, "[]") || strings.HasSuffix(text, ">"):
		return Relation{}, errors.New("restrictions belong to source packages")
	}
	head, condition, conditional := strings.Cut(text, "(")
	var r Relation
	var qualified bool
	if r.Name, r.Qualifier, qualified = strings.Cut(strings.TrimRight(head, " \t\n"), ":"); qualified && r.Qualifier != "any" {
		if err := ValidateArchitecture(r.Qualifier); err != nil {
			return Relation{}, err
		}
	}
	if err := ValidatePackageName(r.Name); err != nil || !conditional {
		return r, err
	}
	return r, r.parseCondition(condition)
}

// parseCondition reads what follows the opening parenthesis.
func (r *Relation) parseCondition(text string) error {
	inner, ok := strings.CutSuffix(text, ")")
	if !ok {
		return errors.New("it does not end with the closing parenthesis")
	}
	inner = strings.TrimSpace(inner)
	version := strings.TrimLeft(inner, "<=>")
	r.Operator, r.Version = inner[:len(inner)-len(version)], strings.TrimLeft(version, " \t\n")
	if !slices.Contains([]string{"<<", "<=", "=", ">=", ">>"}, r.Operator) {
		return fmt.Errorf("%q is none of the operators << <= = >= >>", r.Operator)
	}
	return ValidateVersion(r.Version)
}

// String returns the relation as dpkg writes it.
func (r Relation) String() string {
	s := r.Name
	if r.Qualifier != "" {
		s += ":" + r.Qualifier
	}
	if r.Operator != "" {
		s += " (" + r.Operator + " " + r.Version + ")"
	}
	return s
}

// String returns the field's value as dpkg writes it, in one line.
func (rs Relations) String() string {
	var s strings.Builder
	for i, alternatives := range rs {
		for j, r := range alternatives {
			switch {
			case j > 0:
				s.WriteString(" | ")
			case i > 0:
				s.WriteString(", ")
			}
			s.WriteString(r.String())
		}
	}
	return s.String()
}
