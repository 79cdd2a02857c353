package remote

import (
	"fmt"
	"time"
)

// watch is the one wheel that looks after all connections. TCP notices a dead
// peer by itself, but only where nothing stands between that answers in its
// place; so where a use waits and the other side is silent, SSH asks.
//
// A connection is asked after Options.KeepAlive of silence and ended after
// two and a half times that; with the default of 10 s a dead peer is noticed
// within 28 s. Connections that nobody is using are left alone: asking costs
// some 200 µs, and whoever uses one next notices.
func (f *Fleet) watch() {
	tick := time.NewTicker(f.opt.KeepAlive / 4)
	defer tick.Stop()
	for {
		select {
		case <-f.closing:
			return
		case <-tick.C:
			for _, c := range f.all() {
				c.checkAlive(f.opt.KeepAlive)
			}
		}
	}
}

func (f *Fleet) all() []*conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]*conn, 0, len(f.conns))
	for c := range f.conns {
		all = append(all, c)
	}
	return all
}

// checkAlive asks a silent connection in use, and ends one that stays silent.
func (c *conn) checkAlive(every time.Duration) {
	if c.busy.Load() == 0 {
		return
	}
	silent := time.Duration(clock() - c.wire.heard.Load())
	switch {
	case silent > every*5/2:
		why := fmt.Errorf("no answer for %v", silent.Round(time.Second))
		go c.end(why) // through a bastion that hangs, closing takes its time
	case silent > every && c.probing.CompareAndSwap(false, true):
		go func() {
			defer c.probing.Store(false)
			_, _, _ = c.SendRequest("keepalive@openssh.com", true, nil) // any answer counts as heard
		}()
	}
}
