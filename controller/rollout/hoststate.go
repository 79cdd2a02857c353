package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
)

// HostState is what became of one host.
type HostState struct {
	Name    inventory.HostName
	Attempt int
	Verdict Verdict
	Steps   []StepState // in the order in which they were begun
	Before  Versions    // of the packages concerned, before the first attempt
	After   Versions
	Cause   string   // why it did not end well
	Notes   []string // what a person should know although it did
	Gate    Status   // of a done host: Done if it was healthy, Failed if not, Pending while nobody knows

	// Prefetch says whether the host has the packages of its plan: Done, Failed, or
	// Pending while that is to come or there are none.
	Prefetch Status

	Started time.Time
	Ended   time.Time // zero while it has no verdict
	Passed  time.Time // when its gate was last; zero while that is not Done

	// Wanted says that the host takes part in what goes on now: the rollout, a
	// retry of some hosts, or a rollback of some. Due says that its turn in that
	// is still to come, or has not ended.
	Wanted, Due bool

	order     int  // of hosts, as they were begun
	passed    int  // the number of the event that said last that its gate was
	returning bool // it is taken back, or was
	fetches   bool // its plan has packages to be fetched, or there is none, which is to be said
	idle      bool // its plan has nothing to be done
}

// Step returns the step of that name, which is Pending if it was never begun.
func (h *HostState) Step(name string) StepState {
	if i := h.find(name); i >= 0 {
		return h.Steps[i]
	}
	return StepState{Name: name}
}

// AttemptOf returns the attempt by which a step's work is to be named now: that
// of the host, unless the step is to be done, is in doubt, and so may be at work
// under the name of the attempt that began it.
func (h *HostState) AttemptOf(step string) int {
	if s := h.Step(step); s.Status == Doing && !h.returning {
		return s.Attempt
	}
	return h.Attempt
}

// Touched reports whether there is something to undo on the host, or to say
// that it was undone.
func (h *HostState) Touched() bool {
	touched := func(s StepState) bool { return s.Status.Touched() }
	return h.Verdict == HostRunning || slices.ContainsFunc(h.Steps, touched)
}

// Idle reports whether the approved plan has nothing to be done on the host: it
// is done without having been begun.
func (h *HostState) Idle() bool { return h.idle }

// InDoubt reports whether a step was begun on the host of which nobody knows
// what became. It may still be at work.
func (h *HostState) InDoubt() bool {
	return slices.ContainsFunc(h.Steps, func(s StepState) bool { return s.Status == Doing || s.Status == Undoing })
}

func (h *HostState) find(name string) int {
	return slices.IndexFunc(h.Steps, func(s StepState) bool { return s.Name == name })
}

// apply adds an event of this host, or leaves everything as it was.
func (h *HostState) apply(e Event) error {
	if err := h.admit(e.Attempt); err != nil {
		return err
	}
	tried := *h // shares Steps with h: nothing below writes to them and then refuses
	if e.Attempt > h.Attempt {
		tried.restart(e.Attempt)
	}
	var err error
	switch e.Kind {
	case KindStep:
		err = tried.applyStep(e)
	case KindGate:
		err = tried.applyGate(e)
	case KindPrefetch:
		err = tried.applyPrefetch(e)
	default:
		err = tried.applyResult(e)
	}
	if err == nil {
		*h = tried
	}
	return err
}

// admit refuses events of attempts that are over, and a new attempt before the
// last one has ended in a way that asks for it.
func (h *HostState) admit(attempt int) error {
	switch {
	case attempt == h.Attempt:
		return nil
	case attempt == h.Attempt+1 && h.Verdict.Retriable():
		return nil
	}
	return fmt.Errorf("it is of attempt %d, and the host is %s in attempt %d", attempt, h.Verdict, h.Attempt)
}

// restart begins another attempt: steps that are done stay done, those in doubt
// stay so, all others are pending again but keep what their undo needs. Where
// nothing but the gate had failed, only that comes again.
func (h *HostState) restart(attempt int) {
	gateOnly := h.Gate == Failed
	if h.Prefetch == Failed {
		h.Prefetch = Pending
	}
	h.Attempt, h.Verdict, h.Cause, h.Notes, h.Ended = attempt, HostNotStarted, "", nil, time.Time{}
	h.Due, h.Gate, h.Passed = true, Pending, time.Time{}
	if gateOnly {
		h.Verdict, h.Due = HostDone, false
	}
	h.Steps = slices.Clone(h.Steps)
	for i := range h.Steps {
		if s := h.Steps[i].Status; s != Done && s != Doing {
			h.Steps[i].Status, h.Steps[i].Cause = Pending, ""
		}
	}
}

func (h *HostState) applyStep(e Event) error {
	step := h.Step(e.Step)
	if e.Status == step.Status && e.Status != Pending {
		if h.Due { // else it is said again, by a worker that was handed it twice
			h.runs(e)
		}
		return nil
	}
	if !step.Status.To(e.Status) {
		return fmt.Errorf("the step is %s", step.Status)
	}
	if e.Status == Doing && h.Verdict.Ended() {
		return fmt.Errorf("the host is %s already", h.Verdict)
	}
	if e.Status == Doing {
		step.begin(e)
	}
	step.Status, step.Cause = e.Status, e.Cause
	h.put(step)
	h.note(e.Notes)
	h.found(e)
	h.runs(e)
	return nil
}

// runs notes that the host is worked on.
func (h *HostState) runs(e Event) {
	if h.Verdict != HostRunning {
		h.Verdict, h.Ended = HostRunning, time.Time{}
	}
	if h.Started.IsZero() {
		h.Started = e.At
	}
}

func (h *HostState) put(step StepState) {
	if i := h.find(step.Name); i >= 0 {
		h.Steps[i] = step
		return
	}
	h.Steps = append(h.Steps, step)
}

func (h *HostState) applyResult(e Event) error {
	if e.Verdict == h.Verdict && e.Verdict.Ended() {
		h.Due = false
		return nil // the same end, reported twice
	}
	if !e.Verdict.Ended() || !h.Verdict.To(e.Verdict) || e.Verdict == HostDone && h.Verdict == HostNotStarted && !h.idle {
		return fmt.Errorf("the host is %s", h.Verdict)
	}
	if err := h.agrees(e.Verdict); err != nil {
		return err
	}
	h.Verdict, h.Cause, h.Ended = e.Verdict, e.Cause, e.At
	h.Due = false
	h.note(e.Notes)
	h.found(e)
	return nil
}

// found keeps the versions that were there first and those that are there last.
func (h *HostState) found(e Event) {
	if h.Before == nil {
		h.Before = e.Before
	}
	if e.After != nil {
		h.After = e.After
	}
}

// note adds notes, each once: those of steps come again with the result.
func (h *HostState) note(notes []string) {
	all := h.Notes[:len(h.Notes):len(h.Notes)]
	for _, n := range notes {
		if !slices.Contains(h.Notes, n) {
			all = append(all, n)
		}
	}
	h.Notes = all
}

// nextGate lists what may follow what is known of a host's gate: one that was
// healthy when it was asked may be found not to be healthy any more.
var nextGate = map[Status][]Status{
	Pending: {Done, Failed},
	Done:    {Failed},
}

// applyGate notes whether a done host was healthy, or that one that was is so no
// longer. Such a one takes part in what goes on, which may be a retry of others.
func (h *HostState) applyGate(e Event) error {
	if e.Status == h.Gate && h.Gate != Pending { // said again, by one that may have been asked anew
		if h.Gate == Done {
			h.Passed = e.At
		}
		return nil
	}
	if h.Verdict != HostDone || !slices.Contains(nextGate[h.Gate], e.Status) {
		return fmt.Errorf("the host is %s and its gate %s", h.Verdict, h.Gate)
	}
	h.Gate, h.Passed = e.Status, e.At
	if e.Status == Failed {
		h.Verdict, h.Cause, h.Ended = HostFailed, e.Cause, e.At
		h.Wanted, h.Passed = true, time.Time{}
	}
	return nil
}

// agrees refuses the two verdicts that claim something of every step where one
// says otherwise.
func (h *HostState) agrees(v Verdict) error {
	for _, step := range h.Steps {
		if v == HostDone && step.Status != Done || v == HostReturned && step.Status.Touched() {
			return fmt.Errorf("its step %s is %s", step.Name, step.Status)
		}
	}
	return nil
}
