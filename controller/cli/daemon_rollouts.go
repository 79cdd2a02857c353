package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/inventory"
)

// daemonRollouts is the daemon as the API's server.Rollouts.
type daemonRollouts struct{ *daemon }

func (d daemonRollouts) records() journalRecords { return journalRecords{d.journal} }

func (d daemonRollouts) List(ctx context.Context) ([]server.Object, error) {
	return objects(d.records().history(ctx))
}

func (d daemonRollouts) Show(ctx context.Context, id rollout.ID) (server.Object, error) {
	l, err := d.records().status(ctx, id)
	if err != nil {
		return nil, err
	}
	return encode(l)
}

// Events follows a rollout as long as it runs, here or elsewhere.
func (d daemonRollouts) Events(ctx context.Context, id rollout.ID, after int, follow bool) iter.Seq2[server.Object, error] {
	return func(yield func(server.Object, error) bool) {
		var done func(context.Context)
		if follow {
			done = d.follower().until(id)
		}
		for l, err := range d.records().eventsUntil(ctx, id, after, done) {
			var o server.Object
			if err == nil {
				o, err = encode(l)
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

func (d daemonRollouts) Logs(ctx context.Context, id rollout.ID, host inventory.HostName) ([]server.Object, error) {
	lines, err := d.records().logs(ctx, id, host)
	return objects(lines, badRequest(err))
}

// Plan plans, and keeps the plan for who approves it.
func (d daemonRollouts) Plan(ctx context.Context, by string, ask server.RolloutRequest) (server.Planned, error) {
	in := d.installation(by)
	spec, hosts, err := in.specFor(ctx, ask.Packages, askedFor(ask))
	if err != nil {
		return server.Planned{}, badRequest(err)
	}
	var plan rollout.Plan
	err = in.withConnections(hosts, func(conns *connections) error {
		plan, err = in.plan(ctx, conns, spec, hosts)
		return err
	})
	if err != nil {
		return server.Planned{}, err
	}
	p := server.Planned{Changing: plan.Changing(), Refused: refusals(plan.Refusals(spec.Allow))}
	for _, g := range plan.Groups {
		o, err := encode(newPlanLine(g))
		if err != nil {
			return p, err
		}
		p.Groups = append(p.Groups, o)
	}
	p.Plan = d.plans.put(cachedPlan{spec: spec, hosts: hosts, plan: plan})
	return p, nil
}

// Create begins a rollout: of a plan that somebody was shown, or of one that is
// made now.
func (d daemonRollouts) Create(ctx context.Context, by string, ask server.RolloutRequest) (rollout.ID, error) {
	if ask.Plan != "" {
		return d.createPlanned(ctx, by, ask.Plan)
	}
	in := d.installation(by)
	spec, hosts, err := in.specFor(ctx, ask.Packages, askedFor(ask))
	if err != nil {
		return "", badRequest(err)
	}
	return d.start(ctx, by, func(ctx context.Context, in *installation) error {
		return in.rollOutHosts(ctx, spec, hosts, true)
	})
}

func (d daemonRollouts) createPlanned(ctx context.Context, by, key string) (rollout.ID, error) {
	m, err := d.plans.take(key)
	if err != nil {
		return "", err
	}
	if err := refused(refusals(m.plan.Refusals(m.spec.Allow))); err != nil {
		return "", &server.Problem{Status: http.StatusConflict, Key: "plan", Detail: err.Error()}
	}
	m.spec.Who, m.spec.When = by, time.Now()
	return d.start(ctx, by, func(ctx context.Context, in *installation) error {
		return in.withConnections(m.hosts, func(conns *connections) error {
			return in.startRollout(ctx, conns, m.spec, m.hosts, approval(m.plan))
		})
	})
}

// Decide has a rollout resumed with a decision, or tells the request that runs it.
func (d daemonRollouts) Decide(ctx context.Context, by string, id rollout.ID, what server.Decision) error {
	if req, done := d.running(id); done != nil {
		if what.Verb != server.Abort || req == nil {
			return alreadyRunning(id)
		}
		select {
		case req.abort <- "asked for by " + by:
		default: // it has been told already
		}
		return nil
	}
	_, err := d.start(ctx, by, func(ctx context.Context, in *installation) error {
		return in.applyDecision(ctx, string(id), decision(ctx, what))
	})
	if errors.Is(err, errQuiet) {
		return nil // nothing was left to be done, and it had not ended well
	}
	return badRequest(err)
}

// decision returns what applyDecision asks for a decision.
func decision(ctx context.Context, what server.Decision) func(existingRollout) ([]rollout.Event, error) {
	return func(t existingRollout) ([]rollout.Event, error) {
		switch what.Verb {
		case server.Resume:
			return t.resume(ctx, true)
		case server.Retry:
			return t.retry(ctx, what.Hosts)
		case server.Rollback:
			return t.rollback(ctx, what.To, true)
		case server.Continue:
			return t.endPause()
		case server.Abort:
			return t.abort()
		}
		return nil, fmt.Errorf("%q is nothing to decide of a rollout", what.Verb)
	}
}

// askedFor returns what a client asks for, as flags say it.
func askedFor(ask server.RolloutRequest) rolloutOptions {
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	o := rolloutOptions{
		to: ask.To, mode: ask.Mode, suite: ask.Suite, parallel: ask.Parallel, batches: slices.Clone(ask.Batches),
		failures: ask.MaxFailures, failure: ask.OnFailure, settle: seconds(ask.Settle), deadline: seconds(ask.Deadline),
		noGate: ask.NoGate, noPlan: ask.NoPlan, remove: ask.AllowRemove, held: ask.AllowHeld,
		reboot: ask.Reboot,
	}
	if o.mode == "" {
		o.mode = string(rollout.Install)
	}
	switch {
	case ask.Confirm:
		o.pause = manual
	case ask.Pause > 0:
		o.pause = seconds(ask.Pause).String()
	}
	return o
}

// badRequest tells a client that it is wrong where a command line would be.
func badRequest(err error) error {
	if usage, ok := errors.AsType[*exitError](err); ok && usage.status == exitUsage {
		return server.BadRequest("", err)
	}
	return err
}
