package schedule

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Dates are days without a time zone, from the first to the last one.
type Dates struct {
	First, Last string // as 2026-12-24, which sorts by time
}

// UnmarshalText reads one day, "2026-12-24", or days "2026-12-24..2027-01-02".
func (d *Dates) UnmarshalText(text []byte) error {
	first, last, ranged := strings.Cut(string(text), "..")
	if !ranged {
		last = first
	}
	for _, day := range []string{first, last} {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return fmt.Errorf("%q is no day such as \"2026-12-24\", and no days such as \"2026-12-24..2027-01-02\"", text)
		}
	}
	if last < first {
		return fmt.Errorf("%q ends before it begins", text)
	}
	*d = Dates{first, last}
	return nil
}

// String returns the days as UnmarshalText reads them.
func (d Dates) String() string {
	if d.First == d.Last {
		return d.First
	}
	return d.First + ".." + d.Last
}

// Has reports whether the day of t, in t's own time zone, is one of them.
func (d Dates) Has(t time.Time) bool {
	day := t.Format(time.DateOnly)
	return d.First <= day && day <= d.Last
}

// frozen returns those of the dates that the day of t is one of.
func frozen(freeze []Dates, t time.Time) (Dates, bool) {
	i := slices.IndexFunc(freeze, func(d Dates) bool { return d.Has(t) })
	if i < 0 {
		return Dates{}, false
	}
	return freeze[i], true
}
