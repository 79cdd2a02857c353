package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Reboot is the step that restarts a host where what is installed asks for it:
// /run/reboot-required is there, or a newer kernel than the one that runs. It
// waits until the host is back in another boot and has started; whether it is
// well is for the gate to say.
//
// That a restart was ordered is noted on the host, with the boot id from before.
// So the step may be begun again by anyone at any time, and a host restarts once
// for one ID. A chroot has no boot of its own and is left alone.
type Reboot struct {
	Shell    hostjob.Shell
	ID       string        // names the restart on the host, the same whenever the step is begun
	Begun    bool          // the step was begun before, so that the host may be going down
	Patience time.Duration // how long the host may take to be back; 0 is 10 minutes

	notes []string
}

var (
	_ engine.Step     = (*Reboot)(nil)
	_ engine.Reporter = (*Reboot)(nil)
)

// Name returns what the step is called in the journal.
func (r *Reboot) Name() string { return "reboot" }

// Prepare has nothing to look for: the host itself notes what is there before.
func (r *Reboot) Prepare(context.Context) (json.RawMessage, error) { return nil, nil }

// Report returns whether the host was restarted, and why.
func (r *Reboot) Report() engine.Report { return engine.Report{Notes: r.notes} }

// Do restarts the host if that is required.
func (r *Reboot) Do(ctx context.Context) error { return r.wait(ctx, true) }

// Undo brings no boot back. A host that is going down is waited for, so that what
// is undone next finds it.
func (r *Reboot) Undo(ctx context.Context, _ json.RawMessage) error {
	return r.wait(ctx, false)
}

// rebootEvery is the time between two looks at a host that restarts.
const rebootEvery = 2 * time.Second

// question is what is asked of a host that is to restart.
type question func(context.Context, hostjob.Shell, string) (hostjob.Restart, string, error)

// wait looks until the restart is over, and orders it before if it is to.
func (r *Reboot) wait(ctx context.Context, order bool) error {
	w := rebootWait{step: r, order: order, ordered: r.Begun, next: hostjob.LookAtReboot, began: time.Now(), patience: r.Patience}
	if order {
		w.next = hostjob.Reboot
	}
	if w.patience == 0 {
		w.patience = 10 * time.Minute
	}
	for {
		over, err := w.hear(ctx)
		if over || err != nil {
			return err
		}
		if time.Since(w.began) >= w.patience {
			return w.late()
		}
		timer := time.NewTimer(rebootEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return w.cut(ctx)
		case <-timer.C:
		}
	}
}

// rebootWait is the wait for one restart.
type rebootWait struct {
	step     *Reboot
	order    bool // it is to be ordered if it was not
	next     question
	began    time.Time
	patience time.Duration

	ordered bool            // the host may be going down
	last    hostjob.Restart // what it said last
	words   string
	lost    error // what came instead of an answer since
}

// hear asks the host how the restart stands, and reports whether it is over.
func (w *rebootWait) hear(ctx context.Context) (over bool, err error) {
	last, words, err := w.next(ctx, w.step.Shell, w.step.ID)
	if err != nil {
		return false, w.miss(ctx, err)
	}
	w.last, w.words, w.lost = last, words, nil
	switch last {
	case hostjob.Needless:
		return true, nil
	case hostjob.Back:
		w.step.notes = append(w.step.notes, "rebooted for "+words)
		return true, nil
	case hostjob.Absent: // the order did not arrive, or there was none
		w.next = hostjob.Reboot
		return !w.order, nil
	case hostjob.Ordered, hostjob.Starting:
		w.next, w.ordered = hostjob.LookAtReboot, true
	}
	return false, nil
}

// miss judges a question without an answer. While the host goes down and comes
// up, that says nothing.
func (w *rebootWait) miss(ctx context.Context, err error) error {
	if exit, ran := errors.AsType[interface {
		error
		ExitStatus() int
	}](err); ran {
		return fmt.Errorf("cannot reboot: %w", exit)
	}
	if ctx.Err() != nil {
		return w.cut(ctx)
	}
	if !w.ordered && neverReached(err) {
		return engine.Judge(rollout.HostUnreachable, err)
	}
	w.next, w.ordered, w.lost = hostjob.LookAtReboot, true, err // the order may have arrived
	return nil
}

func (w *rebootWait) cut(ctx context.Context) error {
	return fmt.Errorf("cannot wait for the host to be back: %w", context.Cause(ctx))
}

// late is the error of a host that took longer than there was patience.
func (w *rebootWait) late() error {
	took := w.patience.Round(time.Second)
	switch {
	case w.lost != nil:
		return engine.Judge(rollout.HostUnknown, fmt.Errorf("the host was told to reboot, and has not come back for %v: %w", took, w.lost))
	case w.last == hostjob.Starting:
		return engine.Judge(rollout.HostUnknown, fmt.Errorf("the host was rebooted, and is still starting after %v", took))
	case w.last == hostjob.Busy:
		return fmt.Errorf("cannot reboot: process %s has held dpkg's lock for %v", w.words, took)
	}
	return fmt.Errorf("cannot reboot: the host was told to, and is still in the same boot after %v", took)
}
