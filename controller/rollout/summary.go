package rollout

import (
	"fmt"
	"slices"
	"strings"
)

// Summary counts the hosts of a rollout by what became of them.
type Summary struct {
	Done        int
	Failed      int
	Unreachable int
	Unknown     int
	Returned    int
	Stuck       int
	Running     int
	NotStarted  int
}

// Exit statuses of a command that carried out a rollout. 1 and 2 are the
// command's own: it could not begin, or was used wrongly.
const (
	ExitDone       = 0
	ExitSomeFailed = 3 // a retry can help
	ExitStopped    = 4 // by a gate or the budget
	ExitReturned   = 5
	ExitStuck      = 6 // a person must look
)

// Summary counts the hosts.
func (s *State) Summary() Summary {
	var sum Summary
	for i := range s.hosts {
		*sum.count(s.hosts[i].Verdict)++
	}
	return sum
}

// count returns the field that counts v.
func (s *Summary) count(v Verdict) *int {
	switch v {
	case HostDone:
		return &s.Done
	case HostFailed:
		return &s.Failed
	case HostUnreachable:
		return &s.Unreachable
	case HostUnknown:
		return &s.Unknown
	case HostReturned:
		return &s.Returned
	case HostStuck:
		return &s.Stuck
	case HostRunning:
		return &s.Running
	}
	return &s.NotStarted
}

// Total returns the number of hosts.
func (s Summary) Total() int {
	return s.Done + s.Failed + s.Unreachable + s.Unknown + s.Returned + s.Stuck + s.Running + s.NotStarted
}

// String names the counts that are not zero.
func (s Summary) String() string {
	var words []string
	for _, c := range []struct {
		n    int
		word string
	}{
		{s.Done, "done"}, {s.Failed, "failed"}, {s.Unreachable, "unreachable"}, {s.Unknown, "unknown"},
		{s.Stuck, "stuck"}, {s.Returned, "returned"}, {s.Running, "running"}, {s.NotStarted, "not started"},
	} {
		if c.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", c.n, c.word))
		}
	}
	return strings.Join(words, ", ")
}

// ExitStatus returns the exit status that tells what became of the rollout: the
// worst that happened to any host counts. What was decided of the whole rollout
// is not in the counts; State.ExitStatus knows it.
func (s Summary) ExitStatus() int {
	switch {
	case s.Stuck > 0:
		return ExitStuck
	case s.Done == s.Total():
		return ExitDone
	case s.Returned == s.Total():
		return ExitReturned
	}
	return ExitSomeFailed
}

// ExitStatus returns the exit status that tells how the rollout ended, or how it
// would if it ended now.
func (s *State) ExitStatus() int {
	sum := s.Summary()
	switch {
	case sum.Stuck > 0:
		return ExitStuck
	case s.Returning && s.leftBehind():
		return ExitSomeFailed
	case s.Returning:
		return ExitReturned
	case s.Stopped != nil:
		return ExitStopped
	case s.Ungated() > 0 && sum.ExitStatus() == ExitDone:
		return ExitSomeFailed // a retry waits for them
	}
	return sum.ExitStatus()
}

// Ungated returns how many hosts are done of which nobody knows yet whether they are
// well.
func (s *State) Ungated() (n int) {
	for i := range s.hosts {
		if s.ungated(&s.hosts[i]) {
			n++
		}
	}
	return n
}

// leftBehind reports whether a host that was to be returned has not been.
func (s *State) leftBehind() bool {
	return slices.ContainsFunc(s.hosts, func(h HostState) bool { return h.Wanted && h.Touched() })
}
