package measure

import (
	"fmt"
	"math"
)

// Unit is what a Claim's numbers count. It decides how they are printed.
type Unit string

const (
	Seconds      Unit = "s"
	Milliseconds Unit = "ms"
	Mebibytes    Unit = "MiB"
	Count        Unit = ""
)

// Claim is one number that was promised: at most so many times a peer's, or,
// with no peer, at most so much.
type Claim struct {
	What   string // "ping of 1,000 hosts: CPU"
	Unit   Unit
	Ours   float64
	Beside string  // the peer's name; "" if Most is a limit in Unit itself
	Peer   float64 // the peer's number
	Most   float64 // the target: highest ratio of Ours to Peer, or highest Ours; +Inf if there is none
}

// Ratio is Ours divided by Peer; NaN where there is no peer.
func (c Claim) Ratio() float64 {
	if c.Beside == "" {
		return math.NaN()
	}
	return c.Ours / c.Peer
}

// Met says whether the target was met. A peer that cost nothing was not
// measured, so a claim beside it is not met.
func (c Claim) Met() bool {
	if c.Beside == "" {
		return c.Ours <= c.Most
	}
	return c.Peer > 0 && c.Ratio() <= c.Most
}

func (c Claim) format(value float64) string {
	switch {
	case c.Unit == Count:
		return fmt.Sprintf("%.0f", value)
	case value != 0 && value < 0.1:
		return fmt.Sprintf("%.4f %s", value, c.Unit)
	case value < 10:
		return fmt.Sprintf("%.2f %s", value, c.Unit)
	}
	return fmt.Sprintf("%.1f %s", value, c.Unit)
}

// row returns the cells of c in a Table.
func (c Claim) row() []string {
	peer, ratio, target := "", "", c.format(c.Most)
	if c.Beside != "" {
		peer, ratio, target = c.format(c.Peer), fmt.Sprintf("%.3f", c.Ratio()), fmt.Sprintf("%.3f", c.Most)
	}
	cells := []string{c.What, c.format(c.Ours), c.Beside, peer, ratio}
	switch {
	case math.IsInf(c.Most, 1):
		return append(cells, "none", "")
	case c.Met():
		return append(cells, "<= "+target, "met")
	}
	return append(cells, "<= "+target, "MISSED")
}
