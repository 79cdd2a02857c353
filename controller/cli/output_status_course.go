package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// waitLine is what an open rollout waits for.
type waitLine struct {
	For   string     `json:"for"`             // approval, continue, time
	Until *time.Time `json:"until,omitempty"` // of a time
}

func newWaitLine(s *rollout.State) *waitLine {
	_, approved := s.Plan()
	switch {
	case s.Phase != rollout.Open:
		return nil
	case s.Spec.Planned && !approved:
		return &waitLine{For: "approval"}
	case s.Pause == nil:
		return nil
	case s.Pause.Until.IsZero():
		return &waitLine{For: "continue"}
	}
	return &waitLine{For: "time", Until: &s.Pause.Until}
}

// leftToPerson reports whether a rollout waits for what no controller does by itself.
func leftToPerson(s *rollout.State) bool {
	l := newWaitLine(s)
	return l != nil && l.For != "time"
}

// text says what to do about it.
func (l waitLine) text(id rollout.ID, batch int) string {
	switch l.For {
	case "approval":
		return fmt.Sprintf("its plan is not approved: \"aptfleet resume %s\" plans again", id)
	case "continue":
		return fmt.Sprintf("it waits after batch %d: \"aptfleet continue %s\" goes on", batch, id)
	}
	return fmt.Sprintf("it waits after batch %d until %s", batch, l.Until.Local().Format(time.DateTime))
}

// haltLine is what ended the course of a rollout before its time.
type haltLine struct {
	Time  time.Time `json:"time"`
	By    string    `json:"by"`
	Cause string    `json:"cause"`
}

func newHaltLine(h *rollout.Halt) *haltLine {
	if h == nil {
		return nil
	}
	return &haltLine{h.At, h.By, h.Cause}
}

// backLine is that hosts are rolled back.
type backLine struct {
	Cause string `json:"cause"`
}

// textCourse says how far the rollout has come, and what ended it before its time.
func (l statusLine) textCourse(w io.Writer) {
	if l.Waits != nil {
		fmt.Fprintln(w, l.Waits.text(l.ID, l.Batch))
	}
	if l.Stopped != nil {
		fmt.Fprintf(w, "stopped %s: %s\n", l.where(), printable(l.Stopped.Cause))
	}
	if l.Aborted != nil {
		fmt.Fprintf(w, "aborted %s by %s: %s\n", l.where(), printable(l.Aborted.By), printable(l.Aborted.Cause))
	}
	if l.Back != nil {
		fmt.Fprintln(w, l.textBack())
	}
	if l.Ungated > 0 {
		fmt.Fprintln(w, l.textUngated())
	}
	if l.Phase == rollout.Open && l.Batch > 0 && l.Waits == nil && l.Stopped == nil && l.Aborted == nil && l.Back == nil {
		fmt.Fprintf(w, "batch %d of %d\n", l.Batch, l.Batches)
	}
}

// textUngated says what to do about hosts that nobody waits for any more.
func (l statusLine) textUngated() string {
	text := "done, but not known to be well: " + inventory.Count(l.Ungated)
	if l.Phase == rollout.Finished && l.Back == nil {
		text += fmt.Sprintf("; \"aptfleet retry %s\" waits for that", l.ID)
	}
	return text
}

// where says in which batch it was.
func (l statusLine) where() string {
	if l.Batch == 0 {
		return fmt.Sprintf("before the first of %d batches", l.Batches)
	}
	return fmt.Sprintf("in batch %d of %d", l.Batch, l.Batches)
}

// textBack leaves the cause out where it is what stopped the rollout.
func (l statusLine) textBack() string {
	text := "hosts were rolled back"
	if l.Phase == rollout.Open {
		text = "hosts are being rolled back"
	}
	if l.Back.Cause == "" || l.Stopped != nil && l.Stopped.Cause == l.Back.Cause {
		return text
	}
	return text + ": " + printable(l.Back.Cause)
}
