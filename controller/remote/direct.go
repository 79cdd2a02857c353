package remote

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// Dial opens a TCP connection from the host to address, host:port as the host
// understands it, so that what listens on its loopback alone is reached too.
// Network is "tcp". The connection knows no deadlines; closing it ends all calls
// on it. An error that wraps ErrUnreachable is about the way to the host, as of
// Run; others are the host's answer.
func (l *Link) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" {
		return nil, &hostError{l.host.Name, fmt.Errorf("cannot connect to %s: no way for %s", address, network)}
	}
	for again := true; ; again = false {
		c, err := l.connected(ctx)
		if err != nil {
			return nil, &hostError{l.host.Name, err}
		}
		t, err := c.forward(ctx, "the host", address)
		if err == nil {
			return &directConn{tunnelConn: t, conn: c}, nil
		}
		alive := c.alive()
		l.fleet.pool.put(c)
		if alive || !again || ctx.Err() != nil { // else the connection at hand was gone already
			return nil, &hostError{l.host.Name, fmt.Errorf("cannot connect to %s: %w", address, err)}
		}
	}
}

// directConn keeps its connection in use until it is closed.
type directConn struct {
	*tunnelConn
	conn   *conn
	closed sync.Once
}

// Close closes the connection; the one that it ran through stays.
func (d *directConn) Close() error {
	err := d.tunnelConn.Close()
	d.closed.Do(func() { d.conn.fleet.pool.put(d.conn) })
	return err
}
