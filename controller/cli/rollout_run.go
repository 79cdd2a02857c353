package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/gate"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/lease"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/tasks"
	"github.com/aptfleet/aptfleet/inventory"
)

// rolloutRun runs one rollout: it hands the engine the steps of each host
// and shows what the journal then says.
type rolloutRun struct {
	hostWork
	writer     *journal.Writer
	bar        *progress
	stalls     *stallMonitor
	dispatcher *tasks.Dispatcher // has workers do steps; nil where there can be none
	term       int               // of this controller
	past       int               // events before this command
	release    func()            // gives the rollout up; nil while it is not ours
	lease      *lease.Lease
}

// startRollout journals a rollout with what was approved of it, runs it to its end
// and prints how it ended.
func (in *installation) startRollout(ctx context.Context, conns *connections, spec rollout.Spec, hosts []inventory.Host, approved []rollout.Event) error {
	return in.withJournal(ctx, func(j openJournal) error {
		if in.request == nil { // no daemon does it
			defer in.summarise(ctx, j)
		}
		run := &rolloutRun{hostWork: hostWork{in: in, spec: spec, journal: j, conns: conns}}
		return run.execute(ctx, hosts, func() (*journal.Writer, error) {
			w, err := j.Create(ctx, spec)
			if err == nil {
				err = run.acquire(ctx, w.ID())
			}
			return w, appendAll(ctx, w, err, in.attribute(approved))
		})
	})
}

// resumeRollout goes on with a rollout where it stood, after what was decided of it now,
// and runs it to its end. Hosts that the inventory no longer has are unreachable.
func (in *installation) resumeRollout(ctx context.Context, conns *connections, id rollout.ID, stood *rollout.State, hosts []inventory.Host, decided ...rollout.Event) error {
	return in.withJournal(ctx, func(j openJournal) error {
		run := &rolloutRun{hostWork: hostWork{in: in, spec: stood.Spec, journal: j, conns: conns}, past: stood.Events}
		return run.execute(ctx, hosts, func() (w *journal.Writer, err error) {
			if err := run.acquire(ctx, id); err != nil {
				return nil, err
			}
			if err := j.checkDecision(ctx, id, stood, decided); err != nil {
				return nil, err
			}
			w, err = j.Take(ctx, id)
			return w, appendAll(ctx, w, err, in.attribute(decided))
		})
	})
}

// appendAll journals events, unless there was an error before.
func appendAll(ctx context.Context, w *journal.Writer, err error, events []rollout.Event) error {
	for _, e := range events {
		if err == nil {
			err = w.Append(ctx, e)
		}
	}
	return err
}

// execute begins a rollout and runs it.
func (r *rolloutRun) execute(ctx context.Context, hosts []inventory.Host, begin func() (*journal.Writer, error)) (err error) {
	r.bar = r.in.app.newProgress(len(r.spec.Hosts))
	r.stalls = r.in.app.newStallMonitor(r.bar)
	defer func() {
		if r.release != nil {
			r.release()
		}
	}()
	if r.writer, err = begin(); err != nil {
		return err
	}
	r.id = r.writer.ID()
	r.in.started(r.id)
	r.in.app.say("%s: %s on %s, %d at a time", r.id, describe(r.spec), inventory.Count(len(r.spec.Hosts)), r.spec.Policy.Parallel)
	return r.run(ctx, hosts)
}

// run runs the rollout as far as it goes without a person, and prints where it
// then stands. When ctx is cancelled it is aborted: no further host is begun, and
// those that are worked on are let finish.
func (r *rolloutRun) run(ctx context.Context, hosts []inventory.Host) error {
	lasting, abort, done := r.in.cancellation(ctx)
	defer done()
	lasting, endLease := r.withLease(lasting)
	defer endLease()
	state, err := r.journal.Read(lasting, r.id)
	if err != nil {
		return err
	}
	r.planned, r.term = plannedGroups(state), state.Term
	closeDispatcher, err := r.openDispatcher()
	if err != nil {
		return err
	}
	defer closeDispatcher()
	watch, pauseWatch := r.guard()
	endEvents := r.showEvents(context.WithoutCancel(ctx))
	endStalls := r.stalls.run(ctx)
	err = (&engine.Engine{Journal: leasedJournal{r.writer, r.lease}, Log: r.in.app.log}).Run(lasting, state,
		engine.Work{Hosts: hosts, Task: r.task, Prefetch: r.prefetch, Gate: r.gate(), Watch: watch, PauseWatch: pauseWatch, Abort: abort})
	endStalls()
	endEvents()
	if err != nil && !errors.Is(err, engine.ErrPaused) {
		return fmt.Errorf("%s: %w", r.id, err)
	}
	if err != nil && r.in.request != nil {
		r.in.request.waits = r.id
	}
	return r.in.app.printOutcome(newStatusLine(r.id, state))
}

// showEvents shows what the journal says until what it returns is called, which waits for
// the last event. Those for whom a daemon works read the journal themselves.
func (r *rolloutRun) showEvents(ctx context.Context) (stop func()) {
	if r.in.request != nil {
		return func() {}
	}
	left, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		events := journalRecords{r.journal}.eventsUntil(ctx, r.id, r.past, closed(left))
		if _, err := r.in.app.showEvents(events, r.bar); err != nil {
			r.in.app.log.WarnContext(ctx, "cannot show what happens", "error", err)
		}
	}()
	return func() {
		close(left)
		<-done
		r.bar.end()
	}
}

// printOutcome prints where a rollout was left, and returns the command's error.
func (a *app) printOutcome(l statusLine) error {
	if err := a.print(l); err != nil {
		return err
	}
	if l.Waits != nil && l.Waits.For == "continue" {
		return &exitError{rollout.ExitStopped, fmt.Errorf(
			"%s waits after batch %d: \"aptfleet continue %s\" goes on, \"aptfleet rollback %s\" goes back, \"aptfleet abort %s\" ends it", l.ID, l.Batch, l.ID, l.ID, l.ID)}
	}
	return failed(l.ExitStatus)
}

// gate looks at hosts over SSH, or hears their agents where the bus listens to
// them, and looks where these do not speak.
func (r *rolloutRun) gate() engine.Gate {
	prober := gate.Prober{Fleet: r.conns.fleet}
	if heard := r.in.reports(); heard != nil {
		return &gate.Gate{Reporter: heard, Fallback: prober, Settle: r.spec.Policy.Settle}
	}
	return &gate.Gate{Reporter: prober, Settle: r.spec.Policy.Settle}
}

// guard hears of hosts that passed their gate, where the bus listens to their agents; nil
// is where it does not. Those that no agent speaks for are looked at over SSH in pauses
// alone: that has to be let be while others are worked on.
func (r *rolloutRun) guard() (always, pauses engine.Watch) {
	p := r.spec.Policy
	poller := &gate.Poller{Reporter: gate.Prober{Fleet: r.conns.fleet}, Every: pollEvery(p.Settle, len(r.spec.Hosts)), Deadline: p.Deadline}
	heard := r.in.reports()
	if heard == nil {
		return nil, poller
	}
	poller.Heard = heard
	return &gate.Guard{Feed: heard, Deadline: p.Deadline}, poller
}

// pollEvery is how often a host is looked at in a pause: at the pace of settle, and of
// all hosts together a hundred a second, which takes about a tenth of a processor.
func pollEvery(settle time.Duration, hosts int) time.Duration {
	pace := min(max(settle, 10*time.Second), time.Minute)
	return max(pace, time.Duration(hosts)*10*time.Millisecond)
}

// task returns what is to be done to one host.
func (r *rolloutRun) task(h inventory.Host, at rollout.HostState) engine.Task {
	end := func() error {
		r.endProgress(h.Name)
		return r.conns.close(h.Name)
	}
	var all []engine.Step
	for _, name := range r.steps(h.Name) {
		show := r.showProgress(h)
		all = append(all, r.dispatched(h, attemptOf(at, name), r.step(h, name, attemptOf(at, name), show), show))
	}
	return engine.Task{Steps: all, Close: end}
}

// prefetch gets a host what its plan brings and takes away.
func (r *rolloutRun) prefetch(ctx context.Context, h inventory.Host, at rollout.HostState) (notes []string, err error) {
	show := r.showProgress(h)
	defer r.endProgress(h.Name)
	local := func() ([]string, error) { return r.fetch(ctx, h, attemptOf(at, prefetch), show) }
	if r.dispatcher == nil || h.Tunnel {
		return local()
	}
	return r.dispatcher.Prefetch(ctx, r.newTask(h, attemptOf(at, prefetch), ""), show, local)
}

// showProgress returns what shows how far the work on a host is.
func (r *rolloutRun) showProgress(h inventory.Host) func(hostjob.Progress) {
	r.stalls.update(h.Name, connecting, "")
	if r.in.request != nil { // those who look on are elsewhere
		return func(p hostjob.Progress) { r.in.request.progress.set(h.Name, p) }
	}
	return (&jobProgress{app: r.in.app, bar: r.bar, stalls: r.stalls, host: h.Name}).show
}

// endProgress ends what is shown of a host.
func (r *rolloutRun) endProgress(host inventory.HostName) {
	r.stalls.remove(host)
	if r.in.request != nil {
		r.in.request.progress.remove(host)
	}
}
