package tasks

import (
	"context"
	"encoding/json"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
)

// Step is a step that a worker does where one has a free slot, and that is done here
// where none has. What it prepares is prepared here.
type Step struct {
	engine.Step                        // which does it here
	Dispatcher  *Dispatcher            // finds a worker
	Task        Task                   // without its verb
	Show        func(hostjob.Progress) // while a worker does it; may be nil

	report engine.Report
}

var _ engine.Reporter = (*Step)(nil)

// Do has the step done.
func (s *Step) Do(ctx context.Context) error {
	return s.dispatch(ctx, Do, nil, s.Step.Do)
}

// Undo has the step undone.
func (s *Step) Undo(ctx context.Context, undo json.RawMessage) error {
	return s.dispatch(ctx, Undo, undo, func(ctx context.Context) error { return s.Step.Undo(ctx, undo) })
}

func (s *Step) dispatch(ctx context.Context, verb Verb, record json.RawMessage, local func(context.Context) error) error {
	t := s.Task
	t.Verb, t.Record = verb, record
	if r, done := s.Dispatcher.Dispatch(ctx, t, s.Show); done {
		s.report = r.Report
		return r.err()
	}
	err := local(ctx)
	s.report = reportOf(s.Step)
	return err
}

// Report returns what was found out by whoever did the step last.
func (s *Step) Report() engine.Report { return s.report }

// reportOf asks a step for its report, if it has any.
func reportOf(s engine.Step) engine.Report {
	if r, ok := s.(engine.Reporter); ok {
		return r.Report()
	}
	return engine.Report{}
}

// Perform does with a step what a task asks for, and returns what the step found
// out.
func Perform(ctx context.Context, t Task, s engine.Step) (engine.Report, error) {
	var err error
	if t.Verb == Undo {
		err = s.Undo(ctx, t.Record)
	} else {
		err = s.Do(ctx)
	}
	return reportOf(s), err
}

// Prefetch has the packages of a host fetched: by a worker, or by local.
func (d *Dispatcher) Prefetch(ctx context.Context, t Task, show func(hostjob.Progress), local func() ([]string, error)) ([]string, error) {
	t.Verb = Prefetch
	if r, done := d.Dispatch(ctx, t, show); done {
		return r.Report.Notes, r.err()
	}
	return local()
}
