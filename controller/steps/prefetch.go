package steps

import (
	"context"
	"encoding/json"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
)

// Prefetch is the step that fetches what a plan brings and what it takes away,
// and installs nothing: afterwards a host needs no repository, be it to go on or
// to go back. What it fetched stays; the host itself removes it by age.
type Prefetch struct {
	Shell hostjob.Shell
	Spec  hostjob.Spec // as Planned returns it, with an ID of its own
	Watch hostjob.Watch

	outcome hostjob.Outcome
}

var (
	_ engine.Step     = (*Prefetch)(nil)
	_ engine.Reporter = (*Prefetch)(nil)
)

// Name returns what the step is called in the journal.
func (p *Prefetch) Name() string { return "prefetch" }

// Prepare has nothing to look for.
func (p *Prefetch) Prepare(context.Context) (json.RawMessage, error) { return nil, nil }

// Do fetches. It fails if a package that is to be installed is not there in the
// end; that an outgoing one is gone for good is a note.
func (p *Prefetch) Do(ctx context.Context) error {
	spec := p.Spec
	spec.Mode, spec.Manual = hostjob.Prefetch, nil
	var err error
	p.outcome, err = hostjob.Run(ctx, p.Shell, spec, p.Watch)
	return judge(p.outcome, err)
}

// Undo leaves the packages where they are.
func (p *Prefetch) Undo(context.Context, json.RawMessage) error { return nil }

// Report returns what could not be had.
func (p *Prefetch) Report() engine.Report { return engine.Report{Notes: p.outcome.Notes} }
