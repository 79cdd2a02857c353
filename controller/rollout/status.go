package rollout

import "slices"

// Status is where one step on one host stands.
type Status string

// The statuses of a step. The zero value is Pending.
const (
	Pending Status = ""
	Doing   Status = "doing"
	Done    Status = "done"
	Failed  Status = "failed"
	Undoing Status = "undoing"
	Undone  Status = "undone"
	Stuck   Status = "stuck" // its undo failed: a person must look
)

// next lists what may follow each status. Doing and Undoing may follow
// themselves, because a controller that resumes begins the step again.
var next = map[Status][]Status{
	Pending: {Doing},
	Doing:   {Doing, Done, Failed, Undoing},
	Done:    {Undoing},
	Failed:  {Undoing},
	Undoing: {Undoing, Undone, Stuck},
	Stuck:   {Undoing},
}

// To reports whether a step that stands at s may go to t.
func (s Status) To(t Status) bool { return slices.Contains(next[s], t) }

// Touched reports whether the host may have been changed by a step at s, so
// that going back has to undo it.
func (s Status) Touched() bool { return s != Pending && s != Undone }

// String returns the status in a word.
func (s Status) String() string {
	if s == Pending {
		return "pending"
	}
	return string(s)
}
