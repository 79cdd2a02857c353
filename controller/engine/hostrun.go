package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// hostRun is the work on one host. It lives in one goroutine.
type hostRun struct {
	engine  *Engine
	journal Journal
	host    inventory.HostName
	attempt int
	task    Task

	done map[string]bool // steps that were done already, by another controller or in another attempt

	undoing bool
	step    string // the one that is at work
	report  Report
}

// do runs the steps in their order and stops at the first that fails.
func (r *hostRun) do(ctx context.Context) error {
	if r.task.gone != nil {
		return r.task.gone
	}
	for _, step := range r.task.Steps {
		if r.done[step.Name()] {
			continue
		}
		r.step = step.Name()
		undo, err := step.Prepare(ctx)
		if err != nil {
			return err
		}
		if err := r.mark(ctx, rollout.Doing, undo, nil); err != nil {
			return err
		}
		err = step.Do(ctx)
		r.ask(step)
		if err := r.end(ctx, err, rollout.Done, rollout.Failed); err != nil {
			return err
		}
	}
	return nil
}

// undo runs the undo of every step that touched the host, newest first.
func (r *hostRun) undo(ctx context.Context, host rollout.HostState) error {
	for _, state := range slices.Backward(host.Steps) {
		if !state.Status.Touched() {
			continue
		}
		r.step = state.Name
		if err := r.mark(ctx, rollout.Undoing, nil, nil); err != nil {
			return err
		}
		if err := r.end(ctx, r.undoStep(ctx, state), rollout.Undone, rollout.Stuck); err != nil {
			return err
		}
	}
	return nil
}

// undoStep undoes every attempt at a step, the last one first.
func (r *hostRun) undoStep(ctx context.Context, state rollout.StepState) error {
	if r.task.gone != nil {
		return r.task.gone
	}
	i := slices.IndexFunc(r.task.Steps, func(s Step) bool { return s.Name() == state.Name })
	if i < 0 {
		return fmt.Errorf("cannot undo %s: this aptfleet has no such step", state.Name)
	}
	for _, attempt := range slices.Backward(state.Undo) {
		err := r.task.Steps[i].Undo(ctx, attempt.Record)
		r.ask(r.task.Steps[i])
		if err != nil {
			return err
		}
	}
	return nil
}

// end journals how a step ended and returns what ends the host's work, if
// anything does. A step whose outcome is unknown stays as it is: whoever
// resumes has to find out.
func (r *hostRun) end(ctx context.Context, err error, good, bad rollout.Status) error {
	if err == nil {
		return r.mark(ctx, good, nil, nil)
	}
	if v := VerdictOf(err); v == rollout.HostUnknown || v == rollout.HostUnreachable {
		return err
	}
	if lost := r.mark(ctx, bad, nil, err); lost != nil {
		return lost
	}
	return err
}

func (r *hostRun) mark(ctx context.Context, status rollout.Status, undo json.RawMessage, cause error) error {
	event := rollout.Event{Kind: rollout.KindStep, Step: r.step, Status: status, Undo: undo, Cause: text(cause)}
	switch status { // should nobody live to journal the result
	case rollout.Done, rollout.Undone:
		event.Before, event.After, event.Notes = r.report.Before, r.report.After, r.report.Notes
	case rollout.Failed, rollout.Stuck:
		event.Notes = r.report.Notes
	}
	return r.append(ctx, event)
}

// append journals an event of this host. It ignores cancellation: what has
// happened to a host is recorded however late it is.
func (r *hostRun) append(ctx context.Context, event rollout.Event) error {
	event.Host, event.Attempt = r.host, r.attempt
	if err := r.journal.Append(context.WithoutCancel(ctx), event); err != nil {
		return fmt.Errorf("cannot journal %q: %w: %w", event, errJournal, err)
	}
	return nil
}

// finish journals the result of the host's work, which err ended. What it returns
// is that the journal was lost, with the host's name before it.
func (r *hostRun) finish(ctx context.Context, err error) error {
	r.close()
	if !errors.Is(err, errJournal) {
		err = r.append(ctx, rollout.Event{
			Kind: rollout.KindResult, Verdict: r.verdict(err),
			Before: r.report.Before, After: r.report.After, Notes: r.report.Notes, Cause: text(err),
		})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.host, err)
	}
	return nil
}

// verdict judges the host by what ended its work.
func (r *hostRun) verdict(err error) rollout.Verdict {
	v := VerdictOf(err)
	switch {
	case r.undoing && v == rollout.HostDone:
		return rollout.HostReturned
	case r.undoing && v == rollout.HostFailed:
		return rollout.HostStuck
	}
	return v
}

func (r *hostRun) close() {
	if r.task.Close == nil {
		return
	}
	if err := r.task.Close(); err != nil {
		r.engine.log().Warn("cannot close what the host's steps used", "host", r.host, "error", err)
	}
}

// ask collects what a step has to report.
func (r *hostRun) ask(step Step) {
	reporter, ok := step.(Reporter)
	if !ok {
		return
	}
	said := reporter.Report()
	if r.report.Before == nil {
		r.report.Before = said.Before
	}
	if said.After != nil {
		r.report.After = said.After
	}
	r.report.Notes = append(r.report.Notes, said.Notes...)
}

// maxCause bounds what of an error is journaled, in bytes: hosts have a say in
// its text.
const maxCause = 4 << 10

func text(err error) string {
	if err == nil {
		return ""
	}
	s := err.Error()
	if len(s) > maxCause {
		s = s[:maxCause] + " (and more)"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
