package lab

import (
	"net"
	"sync"
)

// link is the network cable of a light host. While it is cut, the connections
// that pass through it stand still: nothing is read or written, nothing is
// closed, and the kernel still acknowledges what it has room for.
type link struct {
	mu     sync.Mutex
	mended chan struct{}      // closed when the link is mended; nil while it is whole
	conns  map[*linkConn]bool // nil while it is unplugged
}

func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mended == nil {
		l.mended = make(chan struct{})
	}
}

func (l *link) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mended != nil {
		close(l.mended)
		l.mended = nil
	}
}

// join makes conn pass through the link. Of one that is unplugged it is closed.
func (l *link) join(conn net.Conn) *linkConn {
	c := &linkConn{Conn: conn, link: l, closed: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil {
		c.hangUp()
		return c
	}
	l.conns[c] = true
	return c
}

// plug makes a link that is whole, which connections can join.
func (l *link) plug() {
	l.mend()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = map[*linkConn]bool{}
}

// unplug closes every connection of the link, and lets no other join.
func (l *link) unplug() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.hangUp()
	}
	l.conns = nil
}

// linkConn is a connection through a link.
type linkConn struct {
	net.Conn
	link   *link
	once   sync.Once
	closed chan struct{}
}

// pass returns when the link is whole, or the connection closed.
func (c *linkConn) pass() {
	c.link.mu.Lock()
	mended := c.link.mended
	c.link.mu.Unlock()
	if mended == nil {
		return
	}
	select {
	case <-mended:
		c.pass() // it may be cut again by now
	case <-c.closed:
	}
}

func (c *linkConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.pass() // what came while the link was cut arrives when it is mended
	return n, err
}

func (c *linkConn) Write(p []byte) (int, error) {
	c.pass()
	return c.Conn.Write(p)
}

func (c *linkConn) Close() error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	delete(c.link.conns, c)
	c.hangUp()
	return nil
}

// hangUp ends the connection. The caller holds the link's mu.
func (c *linkConn) hangUp() {
	c.once.Do(func() {
		close(c.closed)
		_ = c.Conn.Close() // what was not sent is not missed
	})
}
