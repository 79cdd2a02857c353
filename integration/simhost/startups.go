package simhost

import (
	"fmt"
	"math/rand/v2"
)

// Startups is sshd's limit of connections that have not authenticated yet, as
// in "MaxStartups 10:30:100" (sshd_config(5)): from Begin on, Rate percent of
// new connections are refused, rising to all of them at Full.
type Startups struct{ Begin, Rate, Full int }

// ParseStartups reads "10:30:100", or "10" for a fixed limit; "" is no limit.
func ParseStartups(text string) (Startups, error) {
	var s Startups
	switch n, _ := fmt.Sscanf(text, "%d:%d:%d", &s.Begin, &s.Rate, &s.Full); {
	case text == "":
		return Startups{}, nil
	case n == 1 && text == fmt.Sprint(s.Begin):
		s.Rate, s.Full = 100, s.Begin
	case n != 3 || text != fmt.Sprintf("%d:%d:%d", s.Begin, s.Rate, s.Full):
		return Startups{}, fmt.Errorf("cannot read MaxStartups %q: want start:rate:full", text)
	}
	return s, s.validate()
}

func (s Startups) validate() error {
	if s == (Startups{}) {
		return nil
	}
	if s.Begin < 1 || s.Full < s.Begin || s.Rate < 1 || s.Rate > 100 {
		return fmt.Errorf("MaxStartups %d:%d:%d makes no sense", s.Begin, s.Rate, s.Full)
	}
	return nil
}

// refuses decides by chance, as sshd's should_drop_connection does, about one
// more connection beside waiting others.
func (s Startups) refuses(waiting int) bool {
	switch {
	case s == (Startups{}) || waiting < s.Begin:
		return false
	case waiting >= s.Full || s.Rate == 100:
		return true
	}
	chance := s.Rate + (100-s.Rate)*(waiting-s.Begin)/(s.Full-s.Begin)
	return rand.IntN(100) < chance
}
