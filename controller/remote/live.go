package remote

import (
	"container/list"
	"context"
	"sync"
)

// mostIdle is how many connections are kept for what comes next.
const mostIdle = 512

// live is the limit on hosts that are connected at the same time. Where it is
// reached, the connection that has been idle longest is closed for the next
// host; its Link dials again when it is used again. So a limit smaller than the
// fleet makes steps over all hosts slower, but never stand still. No more
// than most are kept idle, since each takes about 100 kB.
type live struct {
	mu      sync.Mutex
	free    int
	most    int       // connections kept idle
	idle    list.List // of *conn, idle longest first
	waiting list.List // of chan struct{}, closed when a place is theirs
}

// place is a conn's part in it.
type place struct {
	held   bool
	users  int           // which take and park count
	parked *list.Element // while idle
}

// acquire waits for a place.
func (v *live) acquire(ctx context.Context) error {
	v.mu.Lock()
	if v.free > 0 {
		v.free--
		v.mu.Unlock()
		return nil
	}
	if oldest := v.idle.Front(); oldest != nil {
		c := v.idle.Remove(oldest).(*conn)
		c.place.held, c.place.parked = false, nil
		v.mu.Unlock()
		c.end(errIdle)
		return nil
	}
	turn := make(chan struct{})
	me := v.waiting.PushBack(turn)
	v.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		v.withdraw(me, turn)
		return context.Cause(ctx)
	}
}

func (v *live) withdraw(me *list.Element, turn chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-turn: // it came in the same moment: pass it on
		v.pass()
	default:
		v.waiting.Remove(me)
	}
}

// pass hands a place that has become free to whoever waits. mu is held.
func (v *live) pass() {
	if next := v.waiting.Front(); next != nil {
		close(v.waiting.Remove(next).(chan struct{}))
		return
	}
	v.free++
}

// release gives a place back that no conn came to hold.
func (v *live) release() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pass()
}

// take marks c as in use. It reports false if c had to make room, or has ended.
func (v *live) take(c *conn) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !c.place.held {
		return false
	}
	if c.place.parked != nil {
		v.idle.Remove(c.place.parked)
		c.place.parked = nil
	}
	c.use()
	return true
}

// enter gives a place that was acquired to c, in use. It reports false if c has
// ended already.
func (v *live) enter(c *conn) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-c.gone:
		return false
	default:
		c.place.held = true
		c.use()
		return true
	}
}

// use counts one more use; the other side's silence before it does not count.
func (c *conn) use() {
	c.place.users++
	if c.busy.Add(1) == 1 {
		c.wire.heard.Store(clock())
	}
}

// park ends one use of c. If it was the last and someone waits, c makes room; if
// too many are idle, the one that has been so longest does.
func (v *live) park(c *conn) {
	if surplus := v.parked(c); surplus != nil {
		surplus.end(errIdle)
	}
}

// parked is park, but for closing the connection that it returns.
func (v *live) parked(c *conn) (surplus *conn) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c.busy.Add(-1)
	c.place.users--
	if !c.place.held || c.place.users > 0 {
		return nil
	}
	c.place.parked = v.idle.PushBack(c)
	switch {
	case v.waiting.Len() > 0:
		surplus = c
	case v.idle.Len() > v.most:
		surplus = v.idle.Front().Value.(*conn)
	default:
		return nil
	}
	v.idle.Remove(surplus.place.parked)
	surplus.place.held, surplus.place.parked = false, nil
	v.pass()
	return surplus
}

// leave gives back the place of a conn that has ended.
func (v *live) leave(c *conn) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !c.place.held {
		return
	}
	if c.place.parked != nil {
		v.idle.Remove(c.place.parked)
	}
	c.place.held, c.place.parked = false, nil
	v.pass()
}
