package rollout

import "slices"

// Phase is where the whole rollout stands. It is moved by the events that
// concern no single host, so their kinds are the table's other column.
type Phase string

// The phases. The zero value is that of a rollout that does not exist yet.
const (
	Absent   Phase = ""
	Open     Phase = "open"
	Finished Phase = "finished"
)

// admits lists which kinds of event each phase takes. A finished rollout opens
// again when a controller takes it to retry hosts or to return them.
var admits = map[Phase][]Kind{
	Absent: {KindCreated},
	Open: {
		KindTaken, KindPlanned, KindApproved, KindBatchBegun, KindBatchEnded, KindPaused, KindContinued,
		KindStopped, KindAborted, KindRetried, KindRollback, KindPrefetch, KindStep, KindResult, KindGate, KindFinished,
	},
	Finished: {KindTaken},
}

// Admits reports whether a rollout in phase p takes an event of kind k.
func (p Phase) Admits(k Kind) bool { return slices.Contains(admits[p], k) }

// String returns the phase in a word.
func (p Phase) String() string {
	if p == Absent {
		return "absent"
	}
	return string(p)
}
