package measure

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table collects claims, and prints them beside their targets. The zero Table
// is empty and ready; it is not for concurrent use.
type Table struct {
	claims []Claim
	left   []string
}

// Add puts claims below those that are there.
func (t *Table) Add(claims ...Claim) { t.claims = append(t.claims, claims...) }

// LeaveOut notes that something could not be measured here, and why.
func (t *Table) LeaveOut(what, why string) {
	t.left = append(t.left, fmt.Sprintf("not measured: %s: %s", what, why))
}

// Missed returns the claims whose target was not met.
func (t *Table) Missed() []Claim {
	var missed []Claim
	for _, c := range t.claims {
		if !c.Met() {
			missed = append(missed, c)
		}
	}
	return missed
}

// WriteTo prints the table, one line a claim, and below it what was left out.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	var text strings.Builder
	if err := t.layOut(&text); err != nil {
		return 0, fmt.Errorf("cannot lay out the table: %w", err)
	}
	for _, line := range t.left {
		fmt.Fprintln(&text, line)
	}
	n, err := io.WriteString(w, text.String())
	return int64(n), err
}

// layOut writes the claims in columns; nothing where there is no claim.
func (t *Table) layOut(w io.Writer) error {
	if len(t.claims) == 0 {
		return nil
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, strings.Join([]string{"what", "ours", "beside", "theirs", "ratio", "target", ""}, "\t"))
	for _, c := range t.claims {
		fmt.Fprintln(columns, strings.Join(c.row(), "\t"))
	}
	return columns.Flush()
}
