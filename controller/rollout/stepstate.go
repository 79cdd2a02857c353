package rollout

import "encoding/json"

// StepState is where one step on a host stands.
type StepState struct {
	Name   string
	Status Status
	Cause  string

	// Attempt of the host in which it was begun last. A step in doubt keeps it in
	// a retry, which has to find out what became of that one.
	Attempt int

	// Undo has what Prepare returned in each of those attempts, newest last. Of
	// one that was begun several times it is the first, when the host was still
	// as before.
	Undo []UndoRecord
}

// UndoRecord is what the undo of a step needs to know of one attempt.
type UndoRecord struct {
	Attempt int
	Record  json.RawMessage
}

// begin notes what the undo of this attempt needs. A record is kept although it
// is null: it then says that the attempt was made.
func (s *StepState) begin(e Event) {
	s.Attempt = e.Attempt
	if n := len(s.Undo); n > 0 && s.Undo[n-1].Attempt == e.Attempt {
		return
	}
	s.Undo = append(s.Undo[:len(s.Undo):len(s.Undo)], UndoRecord{e.Attempt, e.Undo})
}
