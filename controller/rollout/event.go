package rollout

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
)

// Kind says what an event is about.
type Kind string

// The kinds of event. Decisions concern the whole rollout, the others one host.
const (
	KindCreated    Kind = "created"     // decision: Spec
	KindTaken      Kind = "taken"       // decision: another controller goes on with it
	KindPlanned    Kind = "planned"     // decision: Plan, Part, Parts
	KindApproved   Kind = "approved"    // decision: Digest of the plan
	KindBatchBegun Kind = "batch begun" // decision: Batch
	KindBatchEnded Kind = "batch ended" // decision: Batch
	KindPaused     Kind = "paused"      // decision: Batch, after which it is
	KindContinued  Kind = "continued"   // decision: the pause is over
	KindStopped    Kind = "stopped"     // decision: Cause; what the policy says on failure comes next
	KindAborted    Kind = "aborted"     // decision: Cause; no further host is begun
	KindRetried    Kind = "retried"     // decision: Hosts are tried again, all that need it if none is named
	KindRollback   Kind = "rollback"    // decision: Hosts are returned, all that were touched if none is named; Cause
	KindFinished   Kind = "finished"    // decision: Summary
	KindPrefetch   Kind = "prefetch"    // Host, Attempt, Status: Done with Notes, or Failed with Verdict and Cause
	KindStep       Kind = "step"        // Host, Attempt, Step, Status; Undo when it begins, Before and After when it is done, Cause when it failed, Notes
	KindResult     Kind = "result"      // Host, Attempt, Verdict, Before, After, Cause, Notes
	KindGate       Kind = "gate"        // Host, Attempt, Status: Done if it is healthy, Failed with a Cause if not, or no longer
)

// Decision reports whether the event concerns the whole rollout. Decisions are
// what two controllers must not both make, so the journal fences them.
func (k Kind) Decision() bool {
	return k != KindPrefetch && k != KindStep && k != KindResult && k != KindGate
}

// Versions maps the names of packages to installed versions; a package that is
// not installed is absent or has an empty version.
type Versions map[string]string

// Event is one thing that happened in a rollout. Which of the fields below
// Results are set depends on Kind.
type Event struct {
	Kind Kind
	At   time.Time
	By   string // the controller that wrote it: user@machine (process id); or who asked it to

	// Number says which event of its rollout it is, counted from 1. It is not stored:
	// who watches the rollout is told, and it is 0 elsewhere.
	Number int

	// Term counts the controllers that ran the rollout; 1 is who
	// created it. Prev and Results chain the events, so that a reader notices a
	// missing one: Prev is the journal's sequence of the decision before this
	// event, Results the number of host events before it.
	Term    int
	Prev    uint64
	Results int

	Spec    *Spec
	Summary *Summary

	Plan        *Plan // a part of it
	Part, Parts int   // which part, counted from 1
	Digest      string
	Batch       int // counts from 1
	Hosts       []inventory.HostName

	Host    inventory.HostName
	Attempt int // counts from 1
	Step    string
	Status  Status
	Undo    json.RawMessage // what Prepare returned, handed to Undo
	Verdict Verdict
	Before  Versions
	After   Versions
	Cause   string
	Notes   []string // what a person should know of the host although it went well
}

// String returns the event in a few words, for logs and errors.
func (e Event) String() string {
	switch e.Kind {
	case KindBatchBegun, KindBatchEnded:
		return fmt.Sprintf("%s %d", e.Kind, e.Batch)
	case KindGate, KindPrefetch:
		return fmt.Sprintf("%s: %s %s", e.Host, e.Kind, e.Status)
	case KindStep:
		return fmt.Sprintf("%s: %s %s", e.Host, e.Step, e.Status)
	case KindResult:
		return fmt.Sprintf("%s: %s", e.Host, e.Verdict)
	}
	return string(e.Kind)
}
