package rollout

import (
	"fmt"
	"strconv"
	"strings"
)

// ID names a rollout: R1, R2 and so on, in the order in which they were asked
// for.
type ID string

// NewID returns the id of the n-th rollout; n counts from 1.
func NewID(n int) ID { return ID("R" + strconv.Itoa(n)) }

// ParseID reads an id as a person types it; "r12" and "12" are R12 too.
func ParseID(s string) (ID, error) {
	digits := strings.TrimPrefix(strings.ToUpper(s), "R")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || NewID(n) != ID("R"+digits) {
		return "", fmt.Errorf("cannot read rollout id %q: want R and a number, like R12", s)
	}
	return NewID(n), nil
}

// Number returns n for the n-th rollout, and 0 for an ID that ParseID refuses.
func (id ID) Number() int {
	if parsed, err := ParseID(string(id)); err != nil || parsed != id {
		return 0
	}
	n, _ := strconv.Atoi(string(id[1:])) // ParseID has read it
	return n
}
