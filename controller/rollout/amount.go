package rollout

import (
	"fmt"
	"strconv"
	"strings"
)

// Amount is a number of hosts, or a percentage of those that there are. The
// zero value says nothing, which is not the same as 0.
type Amount struct {
	n    int
	unit unit
}

type unit byte

const (
	unsaid unit = iota
	count
	percent
)

// Hosts returns the amount that is n hosts, however many there are.
func Hosts(n int) Amount { return Amount{n, count} }

// Percent returns the amount that is n percent of the hosts.
func Percent(n int) Amount { return Amount{n, percent} }

// ParseAmount reads a number of hosts, like "3", or a percentage, like "10%".
func ParseAmount(s string) (Amount, error) {
	digits, isPercent := strings.CutSuffix(s, "%")
	n, err := strconv.Atoi(digits)
	switch {
	case err != nil || n < 0 || digits != strconv.Itoa(n):
		return Amount{}, fmt.Errorf("cannot read %q: want a number of hosts or a percentage, like 3 or 10%%", s)
	case isPercent && n > 100:
		return Amount{}, fmt.Errorf("cannot read %q: there are no more than 100%% of the hosts", s)
	case isPercent:
		return Percent(n), nil
	}
	return Hosts(n), nil
}

// Said reports whether the amount says anything.
func (a Amount) Said() bool { return a.unit != unsaid }

// Of returns the number of hosts that the amount is where there are so many. A
// part of a host does not count.
func (a Amount) Of(hosts int) int {
	if a.unit == percent {
		return hosts * a.n / 100
	}
	return a.n
}

// String returns what ParseAmount reads, or "" where nothing is said.
func (a Amount) String() string {
	switch a.unit {
	case count:
		return strconv.Itoa(a.n)
	case percent:
		return strconv.Itoa(a.n) + "%"
	}
	return ""
}

// MarshalText returns what String returns.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText returns.
func (a *Amount) UnmarshalText(text []byte) (err error) {
	*a = Amount{}
	if len(text) > 0 {
		*a, err = ParseAmount(string(text))
	}
	return err
}
