package tasks

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Answer is how a task ended.
type Answer struct {
	Report  engine.Report
	Verdict rollout.Verdict // rollout.HostDone, or what the error deserves
	Cause   string          // the error

	// Declined is why the worker has done nothing: it cannot. Somebody else has to.
	Declined string
}

// ErrDeclined is wrapped by why a worker cannot do a task that another one can.
var ErrDeclined = errors.New("this is not for us to do")

// newAnswer returns the answer for what a step returned.
func newAnswer(report engine.Report, err error) Answer {
	a := Answer{Report: report, Verdict: engine.VerdictOf(err)}
	switch {
	case errors.Is(err, ErrDeclined):
		return Answer{Declined: err.Error()}
	case err != nil:
		a.Cause = err.Error()
	}
	return a
}

// err returns the error with its verdict, as the step has returned it.
func (a Answer) err() error {
	if a.Verdict == rollout.HostDone {
		return nil
	}
	return engine.Judge(a.Verdict, errors.New(a.Cause))
}

// word is what a worker says of a task: that it is at it, how far, and how it ended.
type word struct {
	task     string // its id
	worker   string
	progress *hostjob.Progress
	answer   *Answer
}

type wireWord struct {
	Version  int           `json:"v"`
	Task     string        `json:"id"`
	Worker   string        `json:"by"`
	Progress *wireProgress `json:"p,omitempty"`
	Answer   *wireAnswer   `json:"a,omitempty"`
}

type wireProgress struct {
	Phase   string  `json:"ph,omitempty"`
	Percent float64 `json:"pc,omitempty"`
	Package string  `json:"pk,omitempty"`
	Text    string  `json:"t,omitempty"`
	Holder  int     `json:"pid,omitempty"`
	Program string  `json:"pg,omitempty"`
	Lost    string  `json:"l,omitempty"`
}

type wireAnswer struct {
	Verdict  rollout.Verdict  `json:"vd,omitempty"`
	Cause    string           `json:"c,omitempty"`
	Before   rollout.Versions `json:"bf"` // null is not known, and no empty map
	After    rollout.Versions `json:"af"`
	Notes    []string         `json:"nt,omitempty"`
	Declined string           `json:"no,omitempty"`
}

func (w word) encode() ([]byte, error) {
	out := wireWord{Version: wireVersion, Task: w.task, Worker: w.worker}
	if p := w.progress; p != nil {
		out.Progress = &wireProgress{
			Phase: p.Phase, Percent: p.Percent, Package: p.Package, Text: p.Text,
			Holder: p.Holder.PID, Program: p.Holder.Program, Lost: p.Lost,
		}
	}
	if a := w.answer; a != nil {
		out.Answer = &wireAnswer{
			Verdict: a.Verdict, Cause: a.Cause, Declined: a.Declined,
			Before: a.Report.Before, After: a.Report.After, Notes: a.Report.Notes,
		}
	}
	return json.Marshal(out)
}

// decodeWord reads what encode returned. What is of a newer version is refused.
func decodeWord(data []byte) (word, error) {
	var in wireWord
	if err := decodeStrict(data, &in, &in.Version); err != nil {
		return word{}, fmt.Errorf("cannot read what a worker says: %w", err)
	}
	w := word{task: in.Task, worker: in.Worker}
	if p := in.Progress; p != nil {
		w.progress = &hostjob.Progress{
			Phase: p.Phase, Percent: p.Percent, Package: p.Package, Text: p.Text,
			Holder: hostjob.Holder{PID: p.Holder, Program: p.Program}, Lost: p.Lost,
		}
	}
	if a := in.Answer; a != nil {
		if !a.Verdict.Ended() && a.Declined == "" {
			return word{}, fmt.Errorf("cannot read what a worker says: a task does not end as %q", a.Verdict)
		}
		w.answer = &Answer{
			Verdict: a.Verdict, Cause: a.Cause, Declined: a.Declined,
			Report: engine.Report{Before: a.Before, After: a.After, Notes: a.Notes},
		}
	}
	return w, nil
}

// What a desk answers to a word.
const (
	goOn   = "go on"
	letGo  = "let go" // nobody waits for it any more
	taken  = "taken"  // another worker is at it, or was a moment ago
	noDesk = ""       // nobody answers: the controller is dead, or out of reach
)
