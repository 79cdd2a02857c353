package cli

import (
	"context"
	"fmt"
	"maps"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/steps"
	"github.com/aptfleet/aptfleet/inventory"
)

// hostWork makes the work on each host of a rollout from what the journal and the
// configuration say. Its methods may be called concurrently.
type hostWork struct {
	in      *installation
	id      rollout.ID
	spec    rollout.Spec
	journal openJournal
	conns   *connections
	planned map[inventory.HostName]rollout.Group // what is to be done; nil where there is no plan
}

// The steps of a host, and what comes before them all.
var (
	aptStep    = (*steps.Apt)(nil).Name()
	rebootStep = (*steps.Reboot)(nil).Name()
)

const prefetch = "prefetch"

// stepAttempt is how a step of a host stands when it is its turn.
type stepAttempt struct {
	number int  // names its job
	begun  bool // somebody has begun it already

	before, after rollout.Versions // of the host, as far as the journal knows
}

func attemptOf(at rollout.HostState, step string) stepAttempt {
	return stepAttempt{at.AttemptOf(step), at.Step(step).Status.Touched(), at.Before, left(at, step)}
}

// left returns what a host was left with by the way there. After a way back that did
// not end, a version from before says nothing: dpkg may not have finished with it.
func left(at rollout.HostState, step string) rollout.Versions {
	after := maps.Clone(at.After)
	if s := at.Step(step).Status; s == rollout.Undoing || s == rollout.Stuck {
		maps.DeleteFunc(after, func(name, version string) bool { return at.Before[name] == version })
	}
	return after
}

// steps names the steps of a host: the restart comes last, if hosts are to be
// restarted; where nothing is to be installed it stands alone.
func (w *hostWork) steps(host inventory.HostName) []string {
	if w.spec.Reboot == "" {
		return []string{aptStep}
	}
	if g, planned := w.planned[host]; planned && g.Idle() {
		return []string{rebootStep}
	}
	return []string{aptStep, rebootStep}
}

// step returns one of the steps, nil for a name that this aptfleet does not know.
func (w *hostWork) step(h inventory.Host, name string, at stepAttempt, show func(hostjob.Progress)) engine.Step {
	spec := w.job(h, name, at.number)
	switch name {
	case rebootStep:
		return &steps.Reboot{Shell: w.conns.link(h), ID: spec.ID, Begun: at.begun}
	case aptStep:
		apt := &steps.Apt{Shell: w.conns.link(h), Spec: spec, Watch: w.watch(h, spec.ID, show), Before: at.before, After: at.after}
		if h.Tunnel {
			return steps.Tunnel{Apt: apt, Link: w.conns.link(h), Repository: w.conns.tunnel.host, Serve: w.conns.tunnel.serve}
		}
		return apt
	}
	return nil
}

// fetch gets a host what its plan brings and takes away.
func (w *hostWork) fetch(ctx context.Context, h inventory.Host, at stepAttempt, show func(hostjob.Progress)) (notes []string, err error) {
	spec := w.job(h, prefetch, at.number)
	watch := w.watch(h, spec.ID, show)
	err = w.conns.withProxy(ctx, h, func(proxy hostjob.Proxy) error {
		spec.Proxy = proxy
		notes, err = steps.Prefetch(ctx, w.conns.link(h), spec, watch)
		return err
	})
	return notes, err
}

// watch shows a job, and keeps its log.
func (w *hostWork) watch(h inventory.Host, job string, show func(hostjob.Progress)) hostjob.Watch {
	return hostjob.Watch{
		Log:      w.journal.LogWriter(context.Background(), w.id, h.Name, job, 0),
		Progress: show,
		Silence:  w.in.Rollout.Silence, // a script that waits for ever must not hold the others up
	}
}

// job returns the job of a host: what was planned, or else what was asked for. Its
// id has the time of the rollout in it: the host may have met another R7, of a
// controller that lost its journal. It has the attempt in it too, so that another
// attempt is another job, while a step in doubt is attached to.
func (w *hostWork) job(h inventory.Host, step string, attempt int) hostjob.Spec {
	owner := fmt.Sprintf("%s-%s", w.id, w.spec.When.UTC().Format("20060102T150405.000Z"))
	spec := jobSpec(w.spec, owner, fmt.Sprintf("%s-%s-%d", owner, step, attempt))
	spec.ReattachFor = w.in.Rollout.Reattach
	if g, planned := w.planned[h.Name]; planned {
		return steps.Planned(spec, g)
	}
	return spec
}

// plannedGroups returns what an approved plan has for each host.
func plannedGroups(state *rollout.State) map[inventory.HostName]rollout.Group {
	planned := map[inventory.HostName]rollout.Group{}
	for _, h := range state.Hosts() {
		if g, ok := state.PlanOf(h.Name); ok {
			planned[h.Name] = g
		}
	}
	return planned
}

// jobSpec returns the job that does on a host what a rollout was asked for.
func jobSpec(spec rollout.Spec, owner, id string) hostjob.Spec {
	job := hostjob.Spec{ID: id, Owner: owner, Mode: hostjob.Mode(spec.Mode)}
	if spec.Mode == rollout.DistUpgrade {
		job.Refresh = hostjob.RefreshAll
	}
	for _, p := range spec.Packages {
		job.Packages = append(job.Packages, hostjob.Target{Name: p.Name, Version: p.Version})
		// Who names a version means it, also where a newer one is installed.
		job.AllowDowngrades = job.AllowDowngrades || p.Version != ""
	}
	return job
}
