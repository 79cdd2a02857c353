package cli

import (
	"context"
	"sync"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// pauseWatch watches the hosts of a rollout that waits for a person to go on. Nobody
// runs it meanwhile: whoever decides something of it need not know of this.
type pauseWatch struct {
	daemon *daemon
	in     *installation
	id     rollout.ID
	state  *rollout.State // as it waits
}

// pauseKey tells one pause of a rollout from another.
type pauseKey struct {
	id     rollout.ID
	events int
}

// watchPauses watches a rollout that a request has left waiting, if it has, and
// over what comes of it, until somebody goes on with it or ctx ends.
func (d *daemon) watchPauses(ctx context.Context, in *installation) {
	for in.request.waits != "" && ctx.Err() == nil {
		id := in.request.waits
		in = d.installation(author())
		state, err := d.journal.Read(ctx, id)
		if err == nil && waitsForPerson(state) {
			err = d.watchPause(ctx, &pauseWatch{d, in, id, state})
		}
		d.logError(err)
	}
}

// watchPause does nothing where that pause is watched already.
func (d *daemon) watchPause(ctx context.Context, v *pauseWatch) error {
	key := pauseKey{v.id, v.state.Events}
	d.mu.Lock()
	there := d.pauseWatches[key]
	d.pauseWatches[key] = true
	d.mu.Unlock()
	if there {
		return nil
	}
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.pauseWatches, key)
	}()
	return v.keep(ctx)
}

// relapse is that a host is healthy no more.
type relapse struct {
	host rollout.HostState
	why  error
}

// keep watches the hosts that are done until something happens to the rollout. If that
// is one of them becoming unhealthy, it is journaled, and what the policy says is done.
func (v *pauseWatch) keep(ctx context.Context) error {
	hosts, err := v.watched()
	if err != nil || len(hosts) == 0 {
		return err
	}
	var first *relapse
	err = v.in.withConnections(hosts, func(r *connections) error {
		first = v.watch(ctx, r, hosts)
		return nil
	})
	if err != nil || first == nil {
		return err
	}
	return v.in.applyDecision(ctx, string(v.id), func(t existingRollout) ([]rollout.Event, error) {
		if t.state.Events != v.state.Events {
			return nil, errNothingToDo // somebody has gone on, and has all asked anew
		}
		return []rollout.Event{engine.Relapsed(first.host.Name, first.host.Attempt, first.why)}, nil
	})
}

// waitsForPerson reports whether a rollout is in a pause that a person ends.
func waitsForPerson(s *rollout.State) bool {
	l := newWaitLine(s)
	return l != nil && l.For == "continue"
}

// watched returns the hosts that have passed their gates, as the inventory has them.
func (v *pauseWatch) watched() ([]inventory.Host, error) {
	all, err := v.in.allHosts()
	if err != nil {
		return nil, err
	}
	var hosts []inventory.Host
	for _, h := range all {
		if v.state.Watched(h.Name) {
			hosts = append(hosts, h)
		}
	}
	return hosts, nil
}

// watch returns the first host that becomes unhealthy; nil if the rollout goes on, or ctx ends,
// before one does.
func (v *pauseWatch) watch(ctx context.Context, r *connections, hosts []inventory.Host) *relapse {
	ctx, end := context.WithCancel(ctx)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer end()
	listening.Go(func() {
		v.awaitNews(ctx, v.state.Events)
		end()
	})
	c := &rolloutRun{hostWork: hostWork{in: v.in, spec: v.state.Spec, conns: r}}
	always, pauses := c.guard()
	ill := make(chan relapse, 1)
	for _, watch := range []engine.Watch{always, pauses} {
		if watch == nil {
			continue
		}
		for _, h := range hosts {
			at, _ := v.state.Host(h.Name)
			defer watch.Begin(h, at, func(why error) {
				select {
				case ill <- relapse{at, why}:
				default: // another one was first
				}
			})()
		}
	}
	select {
	case f := <-ill:
		return &f
	case <-ctx.Done():
		return nil
	}
}

// awaitNews waits for an event after the first few.
func (v *pauseWatch) awaitNews(ctx context.Context, after int) {
	for e, err := range v.daemon.journal.Watch(ctx, v.id) {
		if e.Number > after || err != nil {
			return
		}
	}
}
