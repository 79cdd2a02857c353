package tasks

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Result is how a task ended.
type Result struct {
	Report  engine.Report
	Verdict rollout.Verdict // rollout.HostDone, or what the error deserves
	Cause   string          // the error

	// Declined is why the worker has done nothing: it cannot. Somebody else has to.
	Declined string
}

// ErrDeclined is wrapped by why a worker cannot do a task that another one can.
var ErrDeclined = errors.New("this is not for us to do")

// newResult returns the result for what a step returned.
func newResult(report engine.Report, err error) Result {
	r := Result{Report: report, Verdict: engine.VerdictOf(err)}
	switch {
	case errors.Is(err, ErrDeclined):
		return Result{Declined: err.Error()}
	case err != nil:
		r.Cause = err.Error()
	}
	return r
}

// err returns the error with its verdict, as the step has returned it.
func (r Result) err() error {
	if r.Verdict == rollout.HostDone {
		return nil
	}
	return engine.Judge(r.Verdict, errors.New(r.Cause))
}

// update is what a worker says of a task: that it claims it, how far it is, and how it
// ended.
type update struct {
	task     string // its id
	worker   string
	progress *hostjob.Progress
	result   *Result
}

type wireUpdate struct {
	Version  int           `json:"v"`
	Task     string        `json:"id"`
	Worker   string        `json:"by"`
	Progress *wireProgress `json:"p,omitempty"`
	Result   *wireResult   `json:"a,omitempty"`
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

type wireResult struct {
	Verdict  rollout.Verdict  `json:"vd,omitempty"`
	Cause    string           `json:"c,omitempty"`
	Before   rollout.Versions `json:"bf"` // null is not known, and no empty map
	After    rollout.Versions `json:"af"`
	Notes    []string         `json:"nt,omitempty"`
	Declined string           `json:"no,omitempty"`
}

func (u update) encode() ([]byte, error) {
	out := wireUpdate{Version: wireVersion, Task: u.task, Worker: u.worker}
	if p := u.progress; p != nil {
		out.Progress = &wireProgress{
			Phase: p.Phase, Percent: p.Percent, Package: p.Package, Text: p.Text,
			Holder: p.Holder.PID, Program: p.Holder.Program, Lost: p.Lost,
		}
	}
	if r := u.result; r != nil {
		out.Result = &wireResult{
			Verdict: r.Verdict, Cause: r.Cause, Declined: r.Declined,
			Before: r.Report.Before, After: r.Report.After, Notes: r.Report.Notes,
		}
	}
	return json.Marshal(out)
}

// decodeUpdate reads what encode returned. What is of a newer version is refused.
func decodeUpdate(data []byte) (update, error) {
	var in wireUpdate
	if err := decodeStrict(data, &in, &in.Version); err != nil {
		return update{}, fmt.Errorf("cannot read an update of a task: %w", err)
	}
	u := update{task: in.Task, worker: in.Worker}
	if p := in.Progress; p != nil {
		u.progress = &hostjob.Progress{
			Phase: p.Phase, Percent: p.Percent, Package: p.Package, Text: p.Text,
			Holder: hostjob.Holder{PID: p.Holder, Program: p.Program}, Lost: p.Lost,
		}
	}
	if r := in.Result; r != nil {
		if !r.Verdict.Ended() && r.Declined == "" {
			return update{}, fmt.Errorf("cannot read an update of a task: a task does not end as %q", r.Verdict)
		}
		u.result = &Result{
			Verdict: r.Verdict, Cause: r.Cause, Declined: r.Declined,
			Report: engine.Report{Before: r.Before, After: r.After, Notes: r.Notes},
		}
	}
	return u, nil
}

// What a dispatcher replies to an update.
const (
	replyGoOn    = "go on"
	replyStop    = "let go" // nobody waits for it any more
	replyClaimed = "taken"  // another worker is at it, or was a moment ago
	noReply      = ""       // nobody answers: the controller is dead, or out of reach
)
