package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/aptfleet/aptfleet/controller/journal"
)

// actionLine is something that was done besides rollouts, or refused.
type actionLine struct {
	Time  time.Time `json:"time"`
	By    string    `json:"by"`
	Did   string    `json:"did"`
	What  string    `json:"what,omitempty"`
	Error string    `json:"error,omitempty"`
}

func newActionLine(a journal.Action) actionLine {
	return actionLine{a.At, a.By, a.Did, a.What, a.Error}
}

func (actionLine) kind() string { return "action" }

func (l actionLine) text(w io.Writer) {
	end := "done"
	if l.Error != "" {
		end = l.Error
	}
	fmt.Fprintf(w, "%-6s %s  %-40s %s\n", "", l.Time.Local().Format(time.DateTime), printable(l.Did+" "+l.What+" by "+l.By), printable(end))
}
