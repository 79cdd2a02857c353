package cli

import (
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// eventLine is one thing that happened in a rollout.
type eventLine struct {
	Sequence int                `json:"sequence,omitempty"` // counts the events of the rollout
	Event    rollout.Kind       `json:"event"`              // created, taken, planned, step, result, finished and so on
	Time     time.Time          `json:"time"`
	By       string             `json:"by"`
	Host     inventory.HostName `json:"host,omitempty"`
	Attempt  int                `json:"attempt,omitempty"`
	Step     string             `json:"step,omitempty"`
	Status   rollout.Status     `json:"status,omitempty"`
	Verdict  rollout.Verdict    `json:"verdict,omitempty"`
	Before   rollout.Versions   `json:"before,omitzero"`
	After    rollout.Versions   `json:"after,omitzero"`
	Cause    string             `json:"cause,omitempty"`
	Notes    []string           `json:"notes,omitempty"`
	Batch    int                `json:"batch,omitempty"`
}

func newEventLine(e rollout.Event) eventLine {
	return eventLine{e.Number, e.Kind, e.At, e.By, e.Host, e.Attempt, e.Step, e.Status, e.Verdict, e.Before, e.After, e.Cause, e.Notes, e.Batch}
}

func (eventLine) kind() string { return "event" }

// shownKinds are the events that people are shown; the others move the bar.
var shownKinds = []rollout.Kind{rollout.KindResult, rollout.KindStopped, rollout.KindAborted, rollout.KindRollback, rollout.KindPaused}

// shown reports whether people are shown an event.
func (e eventLine) shown() bool {
	switch e.Event {
	case rollout.KindGate:
		return e.Status == rollout.Failed
	case rollout.KindPrefetch:
		return e.Status == rollout.Failed || len(e.Notes) > 0
	}
	return slices.Contains(shownKinds, e.Event)
}

// text writes what ended a host's work, or the course of the rollout.
func (e eventLine) text(w io.Writer) {
	switch {
	case e.Event == rollout.KindPrefetch && e.Status == rollout.Done:
		fmt.Fprintf(w, "%-24s fetched\n", e.Host)
	case e.Event == rollout.KindGate:
		fmt.Fprintf(w, "%-24s UNHEALTHY    %s\n", e.Host, printable(e.Cause))
	case e.Event == rollout.KindPaused:
		fmt.Fprintf(w, "%s: after batch %d\n", e.Event, e.Batch)
	case e.Event != rollout.KindResult && e.Event != rollout.KindPrefetch:
		fmt.Fprintf(w, "%s: %s\n", e.Event, printable(e.Cause))
	case e.Verdict == rollout.HostDone, e.Verdict == rollout.HostReturned:
		fmt.Fprintf(w, "%-24s %-12s %s\n", e.Host, e.Verdict, changes(e.Before, e.After))
	default:
		fmt.Fprintf(w, "%-24s %-12s %s\n", e.Host, strings.ToUpper(e.Verdict.String()), printable(e.Cause))
	}
	for _, note := range e.Notes {
		fmt.Fprintf(w, "%-24s              %s\n", "", printable(note))
	}
}

// showEvents shows events as long as they come, in the journal's order, and returns
// the number of the last. The error is that of the sequence.
func (a *app) showEvents(events iter.Seq2[eventLine, error], bar *progress) (last int, err error) {
	for e, err := range events {
		if err != nil {
			return last, err
		}
		last = e.Sequence
		switch e.Event {
		case rollout.KindStep:
			bar.begin(e.Host)
		case rollout.KindResult:
			bar.finish(e.Host, e.Verdict == rollout.HostDone)
		case rollout.KindPrefetch:
			bar.fetch()
			bar.finish(e.Host, e.Status == rollout.Done)
		case rollout.KindBatchBegun:
			bar.batches()
		}
		if a.json || e.shown() {
			if err := bar.above(func() error { return a.print(e) }); err != nil {
				return last, err
			}
		}
	}
	return last, nil
}

// maxChanges is how many packages a line names.
const maxChanges = 4

// changes says what became of packages, as "shop-web 1.0 -> 1.1".
func changes(before, after rollout.Versions) string {
	var words []string
	all := maps.Clone(before)
	if all == nil {
		all = rollout.Versions{}
	}
	maps.Copy(all, after)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if before[name] != after[name] {
			words = append(words, rollout.Change{Package: name, Old: before[name], New: after[name]}.String())
		}
	}
	if len(words) == 0 {
		return "nothing to change"
	}
	if more := len(words) - maxChanges; more > 0 {
		words = append(words[:maxChanges], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(words, ", ")
}
