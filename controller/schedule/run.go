package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Outcome is what became of a run.
type Outcome string

// The outcomes. The zero value is Going.
const (
	Going   Outcome = ""
	Done    Outcome = "done"
	Failed  Outcome = "failed"  // it could not begin, or did not end well everywhere
	Skipped Outcome = "skipped" // it was not begun
	Missed  Outcome = "missed"  // its window ended before any controller could begin it
)

// String returns the outcome in a word.
func (o Outcome) String() string {
	if o == Going {
		return "going"
	}
	return string(o)
}

// Run is what became of one occurrence, or of a run that a person asked for. A
// schedule has at most one of each Due.
type Run struct {
	Schedule string
	Due      time.Time // to the second
	End      time.Time // no host is begun from then on
	Manual   bool      // a person asked for it
	By       string    // the controller that runs it, or did
	Began    time.Time // when it was written down
	Ended    time.Time // zero while it goes
	Outcome  Outcome
	Rollout  rollout.ID // "" while there is none
	Status   int        // the exit status of its command, once it has ended
	Text     string     // how it ended, or why it was not begun

	Revision uint64 // the Store's: which of the states of the record this is
}

// String names the run in messages.
func (r Run) String() string {
	return fmt.Sprintf("the run of %s for %s", r.Schedule, r.Due.Format(time.RFC3339))
}

func (r Run) begun() bool { return r.Outcome != Skipped && r.Outcome != Missed }

// Settings are what was said of a schedule other than in the configuration.
type Settings struct {
	Schedule string
	Paused   bool
	PausedBy string
	PausedAt time.Time

	// Since is when the schedule was first seen with this Cron, or a pause of it
	// ended. Occurrences from before were not missed: nobody had asked for them.
	Since time.Time
	Cron  string

	Revision uint64 // as that of a Run
}

// ErrConflict is returned for a write to a record that somebody else has written
// meanwhile.
var ErrConflict = errors.New("somebody else has written it")

// Store keeps runs and settings. It may be used concurrently, by several
// controllers.
type Store interface {
	// Begin writes a new run down. If there is one of the schedule with that Due,
	// the error is ErrConflict.
	Begin(ctx context.Context, r Run) (Run, error)
	// Amend writes the next state of a run, unless it is in another Revision.
	Amend(ctx context.Context, r Run) (Run, error)
	// Runs returns the runs of a schedule that are still kept, the newest first.
	Runs(ctx context.Context, schedule string) ([]Run, error)
	// Settings returns those of a schedule; zero ones where nothing was said.
	Settings(ctx context.Context, schedule string) (Settings, error)
	// Set writes settings, unless they are in another Revision.
	Set(ctx context.Context, s Settings) (Settings, error)
}

// Order is a run as those see it who run its rollout.
type Order struct {
	Schedule string
	Due      time.Time
	Command  []string // as Schedule.Run
}

// Author is who the rollout of a schedule is by.
func (o Order) Author() string { return "schedule " + o.Schedule }

// Ending is how a rollout ended.
type Ending struct {
	Status int    // the exit status of its command
	Text   string // the counts of its hosts
}

// Rollouts is all that a Runner needs to know of those who run rollouts.
// Where ctx ends with a *WindowError, no further host is begun, and the rollout
// ends with those that are worked on. Where it ends otherwise the controller goes
// away, and an error says that the rollout has not ended.
type Rollouts interface {
	// Begin journals the rollout, hands its id to noted, and runs it to its
	// end. If noted fails, the rollout is aborted before any host is begun.
	Begin(ctx context.Context, o Order, noted func(rollout.ID) error) (Ending, error)
	// Find returns the rollout that a Begin for the order has journaled; "" if
	// there is none.
	Find(ctx context.Context, o Order) (rollout.ID, error)
	// Resume runs a rollout on to its end, or waits for that.
	Resume(ctx context.Context, id rollout.ID) (Ending, error)
	// Ended returns how a rollout ended, if it has.
	Ended(ctx context.Context, id rollout.ID) (Ending, bool, error)
}

// WindowError is why a context ends with a schedule's window.
type WindowError struct {
	Schedule string
	End      time.Time
}

func (e *WindowError) Error() string {
	return fmt.Sprintf("the window of schedule %s has ended at %s", e.Schedule, e.End.Format(time.RFC3339))
}
