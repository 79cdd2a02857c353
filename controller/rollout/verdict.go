package rollout

import "slices"

// Verdict is what became of a host in a rollout.
type Verdict string

// The verdicts. The zero value is HostNotStarted.
const (
	HostNotStarted  Verdict = ""
	HostRunning     Verdict = "running"
	HostDone        Verdict = "done"
	HostFailed      Verdict = "failed"      // a step failed on it
	HostUnreachable Verdict = "unreachable" // it could not be connected to
	HostUnknown     Verdict = "unknown"     // it was lost in the middle of a step
	HostReturned    Verdict = "returned"    // everything done to it was undone
	HostStuck       Verdict = "stuck"       // an undo failed on it: a person must look
)

// nextVerdict lists what may follow each verdict. A host that has ended runs
// again when it is undone; another attempt makes it "not started" first. A gate,
// which is no result of a host's steps, may find that a done host has failed, at
// once or later.
var nextVerdict = map[Verdict][]Verdict{
	HostNotStarted:  {HostRunning, HostDone, HostFailed, HostUnreachable, HostUnknown},
	HostRunning:     {HostRunning, HostDone, HostFailed, HostUnreachable, HostUnknown, HostReturned, HostStuck},
	HostDone:        {HostRunning},
	HostFailed:      {HostRunning},
	HostUnreachable: {HostRunning},
	HostUnknown:     {HostRunning},
	HostStuck:       {HostRunning},
}

// To reports whether a host judged v may be judged w next.
func (v Verdict) To(w Verdict) bool { return slices.Contains(nextVerdict[v], w) }

// Ended reports whether the work on the host is over, well or badly.
func (v Verdict) Ended() bool { return v != HostNotStarted && v != HostRunning }

// Retriable reports whether another attempt at the host can help.
func (v Verdict) Retriable() bool {
	return v == HostFailed || v == HostUnreachable || v == HostUnknown
}

// String returns the verdict in words.
func (v Verdict) String() string {
	if v == HostNotStarted {
		return "not started"
	}
	return string(v)
}
