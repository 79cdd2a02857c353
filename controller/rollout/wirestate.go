package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// stateVersion is raised as wireVersion is.
const stateVersion = 1

// wireState is the State of a finished rollout as it is stored: all of it that does not
// follow from the rest, so that whoever goes on with the rollout need not know that
// its events are gone.
type wireState struct {
	Version  int       `json:"v"`
	Spec     *wireSpec `json:"spec"`
	Term     int       `json:"tm"`
	Owner    string    `json:"by,omitempty"`
	Events   int       `json:"e"`
	Results  int       `json:"n"`
	Created  time.Time `json:"t"`
	Changed  time.Time `json:"ct"`
	Finished time.Time `json:"ft"`

	Batch       int        `json:"b,omitempty"`
	InBatch     bool       `json:"ib,omitempty"`
	Pause       *wirePause `json:"pause,omitempty"`
	Stopped     *wireHalt  `json:"stop,omitempty"`
	Aborted     *wireHalt  `json:"abort,omitempty"`
	Returning   bool       `json:"back,omitempty"`
	Because     string     `json:"c,omitempty"`
	PausedAfter int        `json:"pa,omitempty"`
	WentOn      int        `json:"wo,omitempty"`

	Plan     *wirePlan `json:"plan"`
	Part     int       `json:"pt,omitempty"`
	Parts    int       `json:"ps,omitempty"`
	Approved bool      `json:"ok,omitempty"`

	Hosts []wireHost `json:"h"` // in the order of the Spec
}

type wirePause struct {
	Since time.Time `json:"t"`
	Until time.Time `json:"u"`
}

type wireHalt struct {
	At    time.Time `json:"t"`
	By    string    `json:"by,omitempty"`
	Cause string    `json:"c,omitempty"`
}

// wireHost is a HostState as it is stored.
type wireHost struct {
	Attempt   int        `json:"a"`
	Verdict   Verdict    `json:"vd,omitempty"`
	Steps     []wireStep `json:"s,omitempty"`
	Before    Versions   `json:"bf,omitzero"`
	After     Versions   `json:"af,omitzero"`
	Cause     string     `json:"c,omitempty"`
	Notes     []string   `json:"nt,omitempty"`
	Gate      Status     `json:"g,omitempty"`
	Prefetch  Status     `json:"pf,omitempty"`
	Started   time.Time  `json:"st,omitzero"`
	Ended     time.Time  `json:"et,omitzero"`
	Passed    time.Time  `json:"gt,omitzero"`
	Wanted    bool       `json:"w,omitempty"`
	Due       bool       `json:"d,omitempty"`
	Order     int        `json:"o,omitempty"`
	PassedBy  int        `json:"gn,omitempty"`
	Returning bool       `json:"back,omitempty"`
}

type wireStep struct {
	Name    string     `json:"s"`
	Status  Status     `json:"st,omitempty"`
	Cause   string     `json:"c,omitempty"`
	Attempt int        `json:"a,omitempty"`
	Undo    []wireUndo `json:"u,omitempty"`
}

type wireUndo struct {
	Attempt int             `json:"a"`
	Record  json.RawMessage `json:"u,omitempty"`
}

// Encode returns the state as it is stored; it has to be that of a finished rollout.
func (s *State) Encode() ([]byte, error) {
	if s.Phase != Finished {
		return nil, fmt.Errorf("cannot encode the state of a rollout that is %s", s.Phase)
	}
	w := wireState{
		Version: stateVersion, Spec: s.Spec.wire(), Term: s.Term, Owner: s.Owner, Events: s.Events, Results: s.Results,
		Created: s.Created, Changed: s.Changed, Finished: s.Finished,
		Batch: s.Batch, InBatch: s.InBatch, Pause: (*wirePause)(s.Pause), Stopped: (*wireHalt)(s.Stopped), Aborted: (*wireHalt)(s.Aborted),
		Returning: s.Returning, Because: s.Because, PausedAfter: s.pausedAfter, WentOn: s.wentOn,
		Plan: s.frozen.plan.wire(), Part: s.frozen.part, Parts: s.frozen.parts, Approved: s.frozen.approved,
		Hosts: make([]wireHost, len(s.hosts)),
	}
	for i := range s.hosts {
		w.Hosts[i] = s.hosts[i].wire()
	}
	data, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the state of a rollout: %w", err)
	}
	return data, nil
}

// DecodeState reads what Encode returned, now or in an older version of this
// program. A state of a newer version is refused.
func DecodeState(data []byte) (*State, error) {
	var w wireState
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(&w)
	switch {
	case w.Version > stateVersion, err == nil && w.Version < 1:
		err = fmt.Errorf("it has version %d, and this aptfleet reads up to %d", w.Version, stateVersion)
	case err == nil && (w.Spec == nil || w.Plan == nil || len(w.Hosts) != len(w.Spec.Hosts)):
		err = errors.New("it is not whole")
	}
	var s State
	if err == nil {
		err = s.create(Event{Kind: KindCreated, At: w.Created, Spec: w.Spec.live()})
	}
	if err != nil {
		return nil, fmt.Errorf("cannot decode the state of a rollout: %w", err)
	}
	s.Phase, s.Term, s.Owner, s.Events, s.Results = Finished, w.Term, w.Owner, w.Events, w.Results
	s.Changed, s.Finished = w.Changed, w.Finished
	s.Course = Course{
		Batch: w.Batch, InBatch: w.InBatch, Pause: (*Pause)(w.Pause), Stopped: (*Halt)(w.Stopped), Aborted: (*Halt)(w.Aborted),
		Returning: w.Returning, Because: w.Because, pausedAfter: w.PausedAfter, wentOn: w.WentOn,
	}
	for i := range s.hosts {
		w.Hosts[i].into(&s.hosts[i])
	}
	s.frozen = frozenPlan{plan: *w.Plan.live(), part: w.Part, parts: w.Parts, approved: w.Approved}
	if w.Approved {
		s.frozen.settle(s.frozen.plan)
		s.noteFetches()
	}
	s.recount()
	return &s, nil
}

func (h *HostState) wire() wireHost {
	w := wireHost{
		Attempt: h.Attempt, Verdict: h.Verdict, Before: h.Before, After: h.After, Cause: h.Cause, Notes: h.Notes,
		Gate: h.Gate, Prefetch: h.Prefetch, Started: h.Started, Ended: h.Ended, Passed: h.Passed, Wanted: h.Wanted, Due: h.Due,
		Order: h.order, PassedBy: h.passed, Returning: h.returning,
	}
	for _, s := range h.Steps {
		step := wireStep{Name: s.Name, Status: s.Status, Cause: s.Cause, Attempt: s.Attempt}
		for _, u := range s.Undo {
			step.Undo = append(step.Undo, wireUndo(u))
		}
		w.Steps = append(w.Steps, step)
	}
	return w
}

// into sets all of a host but its name and what follows from its plan.
func (w *wireHost) into(h *HostState) {
	*h = HostState{
		Name: h.Name, Attempt: w.Attempt, Verdict: w.Verdict, Before: w.Before, After: w.After, Cause: w.Cause, Notes: w.Notes,
		Gate: w.Gate, Prefetch: w.Prefetch, Started: w.Started, Ended: w.Ended, Passed: w.Passed, Wanted: w.Wanted, Due: w.Due,
		order: w.Order, passed: w.PassedBy, returning: w.Returning,
	}
	for _, s := range w.Steps {
		step := StepState{Name: s.Name, Status: s.Status, Cause: s.Cause, Attempt: s.Attempt}
		for _, u := range s.Undo {
			step.Undo = append(step.Undo, UndoRecord(u))
		}
		h.Steps = append(h.Steps, step)
	}
}
