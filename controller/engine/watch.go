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
// Begin returns at once. relapsed is to be called once the host is not healthy any
// more, with why: by any goroutine, and before Begin has returned if that is known
// already. After end has returned, nobody listens to it.
type Watch interface {
	Begin(h inventory.Host, at rollout.HostState, relapsed func(why error)) (end func())
}

// watching is the watch of a host, from its begin to its end.
type watching struct{ end func() }

// relapse is that a host is not healthy any more that was.
type relapse struct {
	host    inventory.HostName
	noticed *watching // by this one
	attempt int
	why     error
}

// watchList is the hosts that are watched. The goroutine that decides owns it, but for
// the relapses, which come from wherever they are noticed.
type watchList struct {
	always, pauses watchSet
	news           chan struct{} // has room for one, and something in it while there are relapses

	mu       sync.Mutex
	relapses []relapse
}

// watchSet is the hosts that one Watch watches.
type watchSet struct {
	watch  Watch // nil watches nobody
	active map[inventory.HostName]*watching
}

func newWatchList(w Work) *watchList {
	set := func(w Watch) watchSet { return watchSet{w, map[inventory.HostName]*watching{}} }
	return &watchList{always: set(w.Watch), pauses: set(w.PauseWatch), news: make(chan struct{}, 1)}
}

// begin has one of the sets watch a host from now on.
func (l *watchList) begin(s *watchSet, h inventory.Host, at rollout.HostState) {
	if s.watch == nil || s.active[h.Name] != nil {
		return
	}
	name, attempt := h.Name, at.Attempt // all that is to be kept for long
	w := &watching{}
	s.active[name] = w
	w.end = s.watch.Begin(h, at, func(why error) { l.add(relapse{name, w, attempt, why}) })
}

// end no longer watches a host.
func (l *watchList) end(host inventory.HostName) {
	l.always.end(host)
	l.pauses.end(host)
}

func (l *watchList) endAll() {
	l.always.endAll()
	l.pauses.endAll()
}

func (s *watchSet) end(host inventory.HostName) {
	if w := s.active[host]; w != nil {
		w.end()
		delete(s.active, host)
	}
}

func (s *watchSet) endAll() {
	for host := range s.active {
		s.end(host)
	}
}

func (l *watchList) add(r relapse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.relapses = append(l.relapses, r)
	l.notify()
}

func (l *watchList) notify() {
	select {
	case l.news <- struct{}{}:
	default: // it is told already
	}
}

// next takes the relapse out that came first, if there is one, and does not watch
// that host any longer. Those of a watch that has ended are of no account.
func (l *watchList) next() (first relapse, there bool) {
	l.mu.Lock()
	for len(l.relapses) > 0 && !there {
		first, l.relapses = l.relapses[0], l.relapses[1:]
		there = l.always.active[first.host] == first.noticed || l.pauses.active[first.host] == first.noticed
	}
	if len(l.relapses) > 0 {
		l.notify()
	}
	l.mu.Unlock()
	if there {
		l.end(first.host)
	}
	return first, there
}

// watch watches a host from now on, if that matters.
func (r *rolloutRun) watch(name inventory.HostName) {
	h, known := r.hosts[name]
	if !known {
		return
	}
	at, matters := r.watched(name)
	if !matters {
		return
	}
	r.watches.begin(&r.watches.always, h, at)
	if r.pausing {
		r.watches.begin(&r.watches.pauses, h, at)
	}
}

// setPausing begins or ends what watches all hosts only in pauses.
func (r *rolloutRun) setPausing(now bool) {
	if r.pausing == now {
		return
	}
	r.pausing = now
	if !now {
		r.watches.pauses.endAll()
		return
	}
	for _, h := range r.work.Hosts {
		r.watch(h.Name)
	}
}

func (r *rolloutRun) watched(name inventory.HostName) (at rollout.HostState, matters bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, _ = r.state.Host(name)
	return at, r.state.Watched(name)
}

// relapse journals that a host is not healthy any more, if one is not. It takes one
// at a time, so that it is asked at once what follows.
func (r *rolloutRun) relapse(ctx context.Context) error {
	first, there := r.watches.next()
	if !there {
		return nil
	}
	if _, matters := r.watched(first.host); !matters {
		return nil
	}
	return r.decide(ctx, Relapsed(first.host, first.attempt, first.why))
}

// Relapsed is the event that a host which had passed its gate is not healthy any more.
func Relapsed(host inventory.HostName, attempt int, why error) rollout.Event {
	return rollout.Event{Kind: rollout.KindGate, Host: host, Attempt: attempt, Status: rollout.Failed, Cause: text(why)}
}
