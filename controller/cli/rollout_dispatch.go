package cli

import (
	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/tasks"
	"github.com/aptfleet/aptfleet/inventory"
)

// openDispatcher begins to hear of workers. There is none where the bus is in this process,
// and nobody else can take part.
func openDispatcher(j openJournal, in *installation) (d *tasks.Dispatcher, done func(), err error) {
	if j.bus.Embedded() {
		return nil, func() {}, nil
	}
	if d, err = tasks.OpenDispatcher(j.bus, in.app.log); err != nil {
		return nil, nil, err
	}
	return d, func() {
		if err := d.Close(); err != nil {
			in.app.log.Warn("cannot leave the workers", "error", err)
		}
	}, nil
}

// openDispatcher is that of the daemon, where there is one, or one for this rollout.
func (r *rolloutRun) openDispatcher() (done func(), err error) {
	if r.in.request != nil {
		r.dispatcher = r.in.request.daemon.dispatcher
		return func() {}, nil
	}
	r.dispatcher, done, err = openDispatcher(r.journal, r.in)
	return done, err
}

// dispatched returns a step that a worker may do. Through a tunnel, hosts reach the
// repository of this machine.
func (r *rolloutRun) dispatched(h inventory.Host, at stepAttempt, step engine.Step, show func(hostjob.Progress)) engine.Step {
	if r.dispatcher == nil || h.Tunnel {
		return step
	}
	return &tasks.Step{Step: step, Dispatcher: r.dispatcher, Task: r.newTask(h, at, step.Name()), Show: show}
}

func (r *rolloutRun) newTask(h inventory.Host, at stepAttempt, step string) tasks.Task {
	return tasks.Task{Rollout: r.id, Term: r.term, Host: h.Name, Step: step, Attempt: at.number, Begun: at.begun}
}
