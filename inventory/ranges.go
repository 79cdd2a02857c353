package inventory

import (
	"fmt"
	"strconv"
	"strings"
)

// maxExpansion bounds what one pattern may stand for, so that a slip such as
// [0-999999999] is an error and not the end of the machine's memory.
const maxExpansion = 1_000_000

// Expand returns the names that a pattern stands for, in order. Brackets hold
// ranges and single values with commas between them, and a range may have a
// step: "web[01-20]", "db[a-c]", "r[1-4]n[0-8/2,12]". With several brackets, the
// last varies fastest. Digits are padded as they are written.
func Expand(pattern string) ([]string, error) {
	names := []string{""}
	for rest := pattern; ; {
		text, after, found := strings.Cut(rest, "[")
		if strings.Contains(text, "]") {
			return nil, fmt.Errorf("%q has a ] without a [", pattern)
		}
		if !found {
			return combine(names, []string{text}, pattern)
		}
		inside, after, closed := strings.Cut(after, "]")
		if !closed || strings.Contains(inside, "[") {
			return nil, fmt.Errorf("%q has a [ without a ]", pattern)
		}
		values, err := expandBracket(inside)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", pattern, err)
		}
		for i := range values {
			values[i] = text + values[i]
		}
		if names, err = combine(names, values, pattern); err != nil {
			return nil, err
		}
		rest = after
	}
}

func combine(heads, tails []string, pattern string) ([]string, error) {
	if len(heads)*len(tails) > maxExpansion {
		return nil, fmt.Errorf("%q stands for more than %d hosts", pattern, maxExpansion)
	}
	names := make([]string, 0, len(heads)*len(tails))
	for _, head := range heads {
		for _, tail := range tails {
			names = append(names, head+tail)
		}
	}
	return names, nil
}

// expandBracket returns what stands for "01-20,25" between brackets.
func expandBracket(inside string) ([]string, error) {
	var values []string
	for part := range strings.SplitSeq(inside, ",") {
		more, err := expandRange(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("range [%s]: %w", inside, err)
		}
		values = append(values, more...)
	}
	return values, nil
}

// expandRange returns the values of "FROM-TO", "FROM-TO/STEP" or one value.
func expandRange(s string) ([]string, error) {
	bounds, stepText, stepped := strings.Cut(s, "/")
	from, to, isRange := strings.Cut(bounds, "-")
	if !isRange {
		if from == "" || stepped {
			return nil, fmt.Errorf("%q is neither FROM-TO, FROM-TO/STEP nor one value", s)
		}
		return []string{from}, nil
	}
	step := 1
	if stepped {
		var err error
		if step, err = strconv.Atoi(stepText); err != nil || step < 1 || step > maxExpansion {
			return nil, fmt.Errorf("the step %q is no positive number", stepText)
		}
	}
	if isLetter(from) && isLetter(to) {
		return letters(from[0], to[0], step)
	}
	return numbers(from, to, step)
}

func isLetter(s string) bool {
	return len(s) == 1 && (s >= "a" && s <= "z" || s >= "A" && s <= "Z")
}

func letters(from, to byte, step int) ([]string, error) {
	if from > to {
		return nil, fmt.Errorf("runs backwards, from %c to %c", from, to)
	}
	if (from <= 'Z') != (to <= 'Z') {
		return nil, fmt.Errorf("mixes upper and lower case")
	}
	var values []string
	for c := int(from); c <= int(to); c += step {
		values = append(values, string(rune(c)))
	}
	return values, nil
}

func numbers(from, to string, step int) ([]string, error) {
	first, err1 := strconv.ParseUint(from, 10, 63)
	last, err2 := strconv.ParseUint(to, 10, 63)
	switch padded := len(from) > 1 && from[0] == '0' || len(to) > 1 && to[0] == '0'; {
	case err1 != nil || err2 != nil:
		return nil, fmt.Errorf("from %q to %q is neither two numbers nor two letters", from, to)
	case first > last:
		return nil, fmt.Errorf("runs backwards, from %s to %s", from, to)
	case padded && len(from) != len(to):
		return nil, fmt.Errorf("%s and %s must have as many digits as each other where one starts with 0", from, to)
	case (last-first)/uint64(step) >= maxExpansion:
		return nil, fmt.Errorf("stands for more than %d hosts", maxExpansion)
	case !padded:
		from = "" // no width
	}
	var values []string
	for n := first; n <= last; n += uint64(step) {
		values = append(values, fmt.Sprintf("%0*d", len(from), n))
	}
	return values, nil
}
