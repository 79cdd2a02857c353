package hostjob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Shell runs a POSIX shell script as root on one host and returns what it wrote
// to its standard output. A later call must work after an earlier one failed
// because the connection did. *remote.Link is one.
type Shell interface {
	Shell(ctx context.Context, script string, args ...string) ([]byte, error)
}

// Watch is what a caller of Run wants to see while the job runs. Its functions
// are called from Run's own goroutine. The zero value watches nothing.
type Watch struct {
	Log      io.Writer      // every byte of the job's log once, from the first
	Progress func(Progress) // whenever something in it has changed
	For      time.Duration  // how long to follow a job before Run returns with Running; 0 is to its end
	Silence  time.Duration  // how long a job may say nothing before Run returns with Running; 0 is for ever
}

// ErrOtherSpec says that a job with this ID exists and was asked for something
// else.
var ErrOtherSpec = errors.New("cannot start a job: the host has one with the same id and another spec")

// Run starts the job on the host, or attaches to it if it was started before,
// follows it to its end, and says what became of it. It may be called again
// with the same spec, from anywhere, at any time.
//
// The error is nil if the verdict is Done, Broken or Running. Otherwise it says
// why nothing was done (NotStarted; a *LeaseError, a *DriftError and ErrOtherSpec
// among them)
// or why the host could not be asked (Unknown). When ctx is cancelled Run
// returns what it knew last and the cause; the job goes on.
func Run(ctx context.Context, sh Shell, spec Spec, watch Watch) (Outcome, error) {
	if err := spec.Validate(); err != nil {
		return Outcome{Verdict: NotStarted, Exit: -1}, err
	}
	return newFollower(sh, spec.withDefaults(), watch).run(ctx)
}

func (f *follower) run(ctx context.Context) (Outcome, error) {
	o := Outcome{Verdict: NotStarted, Exit: -1}
	last, err := f.follow(ctx)
	switch {
	case err != nil && f.mayRun && f.state == running && ctx.Err() != nil:
		o.Verdict = Running
	case err != nil && f.mayRun:
		o.Verdict = Unknown
	case err == nil && last == nil:
		o.Verdict, o.Cause = Running, f.pending()
	case err == nil:
		o = judge(f.spec, *last, f.tail.bytes())
		if err = refusal(o, *last); err != nil {
			o.Verdict = NotStarted
		}
	}
	if err != nil {
		o.Cause = Cause{Text: err.Error()}
	}
	o.Attempts = f.attempt
	o.Notes = append(f.tracker.notes, o.Notes...)
	return o, err
}

// pending says what a job is at that has not ended in the time there was.
func (f *follower) pending() Cause {
	p := f.tracker.now
	c := Cause{Package: p.Package, Output: lastWords(logLines(f.tail.bytes()))}
	switch {
	case p.Holder != Holder{}:
		c.Text = fmt.Sprintf("it waits for a lock that process %d (%s) holds", p.Holder.PID, p.Holder.Program)
	case p.Text != "":
		c.Text = "it has not ended: " + p.Text
	default:
		c.Text = "it has not ended: " + p.Phase
	}
	return c
}
