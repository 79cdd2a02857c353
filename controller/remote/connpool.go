package remote

import (
	"container/list"
	"context"
	"sync"
)

// maxIdleConns is how many connections are kept for what comes next.
const maxIdleConns = 512

// connPool is the limit on hosts that are connected at the same time. Where it is
// reached, the connection that has been idle longest is closed for the next
// host; its Link dials again when it is used again. So a limit smaller than the
// fleet makes steps over all hosts slower, but never stand still. No more
// than most are kept idle, since each takes about 100 kB.
type connPool struct {
	mu      sync.Mutex
	free    int
	maxIdle int       // connections kept idle
	idle    list.List // of *conn, idle longest first
	waiting list.List // of chan struct{}, closed when a slot is theirs
}

// poolSlot is a conn's part in it.
type poolSlot struct {
	held  bool
	users int           // which take and put count
	idle  *list.Element // while idle
}

// acquire waits for a slot.
func (p *connPool) acquire(ctx context.Context) error {
	p.mu.Lock()
	if p.free > 0 {
		p.free--
		p.mu.Unlock()
		return nil
	}
	if oldest := p.idle.Front(); oldest != nil {
		c := p.idle.Remove(oldest).(*conn)
		c.slot.held, c.slot.idle = false, nil
		p.mu.Unlock()
		c.end(errIdle)
		return nil
	}
	turn := make(chan struct{})
	me := p.waiting.PushBack(turn)
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		p.withdraw(me, turn)
		return context.Cause(ctx)
	}
}

func (p *connPool) withdraw(me *list.Element, turn chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-turn: // it came in the same moment: pass it on
		p.pass()
	default:
		p.waiting.Remove(me)
	}
}

// pass hands a slot that has become free to whoever waits. mu is held.
func (p *connPool) pass() {
	if next := p.waiting.Front(); next != nil {
		close(p.waiting.Remove(next).(chan struct{}))
		return
	}
	p.free++
}

// release gives a slot back that no conn came to hold.
func (p *connPool) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pass()
}

// take marks c as in use. It reports false if c had to make room, or has ended.
func (p *connPool) take(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !c.slot.held {
		return false
	}
	if c.slot.idle != nil {
		p.idle.Remove(c.slot.idle)
		c.slot.idle = nil
	}
	c.use()
	return true
}

// enter gives a slot that was acquired to c, in use. It reports false if c has
// ended already.
func (p *connPool) enter(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-c.gone:
		return false
	default:
		c.slot.held = true
		c.use()
		return true
	}
}

// use counts one more use; the other side's silence before it does not count.
func (c *conn) use() {
	c.slot.users++
	if c.busy.Add(1) == 1 {
		c.wire.heard.Store(clock())
	}
}

// put ends one use of c. If it was the last and someone waits, c makes room; if
// too many are idle, the one that has been so longest does.
func (p *connPool) put(c *conn) {
	if surplus := p.putBack(c); surplus != nil {
		surplus.end(errIdle)
	}
}

// putBack is put, but for closing the connection that it returns.
func (p *connPool) putBack(c *conn) (surplus *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.busy.Add(-1)
	c.slot.users--
	if !c.slot.held || c.slot.users > 0 {
		return nil
	}
	c.slot.idle = p.idle.PushBack(c)
	switch {
	case p.waiting.Len() > 0:
		surplus = c
	case p.idle.Len() > p.maxIdle:
		surplus = p.idle.Front().Value.(*conn)
	default:
		return nil
	}
	p.idle.Remove(surplus.slot.idle)
	surplus.slot.held, surplus.slot.idle = false, nil
	p.pass()
	return surplus
}

// leave gives back the slot of a conn that has ended.
func (p *connPool) leave(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !c.slot.held {
		return
	}
	if c.slot.idle != nil {
		p.idle.Remove(c.slot.idle)
	}
	c.slot.held, c.slot.idle = false, nil
	p.pass()
}
