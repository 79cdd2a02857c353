package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Apt is the step that runs apt on one host: it refreshes the lists, installs
// and verifies, as one job. Undo brings back the versions that the job found,
// and removes what it added.
type Apt struct {
	Shell hostjob.Shell
	Spec  hostjob.Spec // its ID names the step's job, the same whenever it is begun
	Watch hostjob.Watch

	// What the journal has of the host, for an Undo of a job that the host does not
	// keep any more; nil is nothing.
	Before, After rollout.Versions

	outcome hostjob.Outcome
}

var (
	_ engine.Step     = (*Apt)(nil)
	_ engine.Reporter = (*Apt)(nil)
)

// Name returns what the step is called in the journal.
func (a *Apt) Name() string { return "apt" }

// Prepare returns the job that Undo will ask for what it changed. Nothing is
// asked of the host: the job itself notes what is there before it begins.
func (a *Apt) Prepare(context.Context) (json.RawMessage, error) {
	return json.Marshal(aptUndo{Format: 1, Job: a.Spec.ID})
}

// aptUndo is what the journal keeps for Undo.
type aptUndo struct {
	Format int    `json:"format"`
	Job    string `json:"job"`
}

// Do runs the job, or attaches to it where it has been started before.
func (a *Apt) Do(ctx context.Context) error {
	var err error
	a.outcome, err = hostjob.Run(ctx, a.Shell, a.Spec, a.Watch)
	return judge(a.outcome, err)
}

// Undo brings the host back to the versions from before the job, and to nothing
// else: it is refused where other packages would have to change. Packages that
// were fetched beforehand, or are in apt's cache, need no repository. A job that
// never started, or was refused, changed nothing; one that runs is waited for. Where
// the host has no such job, and the journal knows what one left, that is gone by.
func (a *Apt) Undo(ctx context.Context, undo json.RawMessage) error {
	var record aptUndo
	if err := json.Unmarshal(undo, &record); err != nil || record.Format != 1 {
		return fmt.Errorf("cannot read what to undo: format %d: %w", record.Format, err)
	}
	did := a.Spec
	did.ID = record.Job
	outcome, err := hostjob.Attach(ctx, a.Shell, did, a.Watch)
	_, drifted := errors.AsType[*hostjob.DriftError](err)
	var notes []string
	switch {
	case drifted:
		return nil
	case errors.Is(err, hostjob.ErrNoJob):
		outcome = a.journaled()
		notes = []string{"the host does not have the job any more: what it changed is known from the journal, and not which packages were marked automatic"}
	case err != nil || outcome.Verdict == hostjob.Running: // what it will have changed is not known yet
		return judge(outcome, err)
	}
	back := outcome.Reverse()
	if len(back) == 0 {
		return nil
	}
	a.outcome, err = hostjob.Run(ctx, a.Shell, a.undoSpec(record.Job, back), a.Watch)
	a.outcome.Notes = append(a.outcome.Notes, notes...)
	return judge(a.outcome, err)
}

// journaled is the outcome of a job that the host does not have, as far as the
// journal knows it: nothing, if the job never ended.
func (a *Apt) journaled() hostjob.Outcome {
	if a.Before == nil || a.After == nil {
		return hostjob.Outcome{}
	}
	return hostjob.Outcome{Before: hostjob.Versions(a.Before), After: hostjob.Versions(a.After)}
}

// undoSpec is the job that takes another one back. The lists stay as they are:
// the versions were there a moment ago.
//
// Its name has that of the step, which is another in another attempt to go back,
// and that of the job where the step had several.
func (a *Apt) undoSpec(job string, back []hostjob.Change) hostjob.Spec {
	spec := a.Spec
	spec.ID += "-undo"
	if job != a.Spec.ID {
		spec.ID += "-" + job
	}
	spec.Mode = hostjob.Exact
	spec.Packages, spec.Manual = nil, nil
	spec.Changes, spec.AnyOld = back, true
	spec.AllowDowngrades, spec.AllowHeld = true, true
	spec.Refresh = hostjob.RefreshNone
	return spec
}

// Report returns what the job found and what it left.
func (a *Apt) Report() engine.Report {
	return engine.Report{
		Before: rollout.Versions(a.outcome.Before),
		After:  rollout.Versions(a.outcome.After),
		Notes:  a.outcome.Notes,
	}
}

// judge turns what became of a job into the engine's terms.
func judge(o hostjob.Outcome, err error) error {
	switch {
	case o.Verdict == hostjob.Done:
		return nil
	case o.Verdict == hostjob.Broken:
		return errors.New(o.Cause.String())
	case o.Verdict == hostjob.NotStarted && neverReached(err):
		return engine.Judge(rollout.HostUnreachable, err)
	case o.Verdict == hostjob.NotStarted:
		return err
	case err == nil:
		return engine.Judge(rollout.HostUnknown, errors.New(o.Cause.String()))
	}
	return engine.Judge(rollout.HostUnknown, err)
}

// neverReached reports whether no login came about, so that a retry begins from
// nothing.
func neverReached(err error) bool {
	return errors.Is(err, remote.ErrUnreachable) || errors.Is(err, remote.ErrHostKey) || errors.Is(err, remote.ErrAuth)
}
