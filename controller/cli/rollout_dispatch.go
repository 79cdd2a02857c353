package cli

import (
	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/tasks"
	"github.com/aptfleet/aptfleet/inventory"
)

// newDesk begins to hear of workers. There is none where the bus is in this process,
// and nobody else can take part.
func newDesk(j openJournal, in *installation) (d *tasks.Dispatcher, done func(), err error) {
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

// openDesk is newDesk for one rollout, with the desk of the daemon where there is one.
func (c *carrier) openDesk() (done func(), err error) {
	if c.in.errand != nil {
		c.desk = c.in.errand.daemon.desk
		return func() {}, nil
	}
	c.desk, done, err = newDesk(c.journal, c.in)
	return done, err
}

// handed returns a step that a worker may do. Through a tunnel, hosts reach the
// repository of this machine.
func (c *carrier) handed(h inventory.Host, at begun, step engine.Step, show func(hostjob.Progress)) engine.Step {
	if c.desk == nil || h.Tunnel {
		return step
	}
	return &tasks.Step{Step: step, Dispatcher: c.desk, Task: c.handTask(h, at, step.Name()), Show: show}
}

func (c *carrier) handTask(h inventory.Host, at begun, step string) tasks.Task {
	return tasks.Task{Rollout: c.id, Term: c.term, Host: h.Name, Step: step, Attempt: at.attempt, Begun: at.before}
}
