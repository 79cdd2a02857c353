package engine

import (
	"context"
	"sync"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// Watch is all that the engine needs to know of how hosts are that have passed
// their gate.
//
// Begin returns at once. relapsed is to be called once the host is not well any
// more, with why: by any goroutine, and before Begin has returned if that is known
// already. After end has returned, nobody listens to it.
type Watch interface {
	Begin(h inventory.Host, at rollout.HostState, relapsed func(why error)) (end func())
}

// watching is the watch of a host, from its begin to its end.
type watching struct{ end func() }

// relapse is that a host is not well any more that was.
type relapse struct {
	host    inventory.HostName
	noticed *watching // by this one
	attempt int
	why     error
}

// vigil is the hosts that are watched. The goroutine that decides owns it, but for
// the relapses, which come from wherever they are noticed.
type vigil struct {
	watch Watch // nil watches nobody
	now   map[inventory.HostName]*watching
	news  chan struct{} // has room for one, and something in it while there are relapses

	mu       sync.Mutex
	relapses []relapse
}

func newVigil(w Watch) *vigil {
	return &vigil{watch: w, now: map[inventory.HostName]*watching{}, news: make(chan struct{}, 1)}
}

// begin watches a host from now on.
func (v *vigil) begin(h inventory.Host, at rollout.HostState) {
	if v.now[h.Name] != nil {
		return
	}
	name, attempt := h.Name, at.Attempt // all that is to be kept for long
	w := &watching{}
	v.now[name] = w
	w.end = v.watch.Begin(h, at, func(why error) { v.add(relapse{name, w, attempt, why}) })
}

// end no longer watches a host.
func (v *vigil) end(host inventory.HostName) {
	if w := v.now[host]; w != nil {
		w.end()
		delete(v.now, host)
	}
}

func (v *vigil) endAll() {
	for host := range v.now {
		v.end(host)
	}
}

func (v *vigil) add(r relapse) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.relapses = append(v.relapses, r)
	v.tell()
}

func (v *vigil) tell() {
	select {
	case v.news <- struct{}{}:
	default: // it is told already
	}
}

// next takes the relapse out that came first, if there is one, and does not watch
// that host any longer. Those of a watch that has ended are of no account.
func (v *vigil) next() (first relapse, there bool) {
	v.mu.Lock()
	for len(v.relapses) > 0 && !there {
		first, v.relapses = v.relapses[0], v.relapses[1:]
		there = v.now[first.host] == first.noticed
	}
	if len(v.relapses) > 0 {
		v.tell()
	}
	v.mu.Unlock()
	if there {
		v.end(first.host)
	}
	return first, there
}

// watch watches a host from now on, if that matters.
func (c *carrier) watch(name inventory.HostName) {
	h, known := c.hosts[name]
	if c.vigil.watch == nil || !known {
		return
	}
	if at, matters := c.watched(name); matters {
		c.vigil.begin(h, at)
	}
}

func (c *carrier) watched(name inventory.HostName) (at rollout.HostState, matters bool) {
	c.folding.Lock()
	defer c.folding.Unlock()
	at, _ = c.state.Host(name)
	return at, c.state.Watched(name)
}

// relapse journals that a host is not well any more, if one is not. It takes one
// at a time, so that it is asked at once what follows.
func (c *carrier) relapse(ctx context.Context) error {
	r, there := c.vigil.next()
	if !there {
		return nil
	}
	if _, matters := c.watched(r.host); !matters {
		return nil
	}
	return c.decide(ctx, rollout.Event{Kind: rollout.KindGate, Host: r.host, Attempt: r.attempt, Status: rollout.Failed, Cause: text(r.why)})
}
