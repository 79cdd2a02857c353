package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"
)

// maxForwarded bounds the connections through one forward at a time: anyone on
// the host may open them, and apt opens a handful.
const maxForwarded = 32

// Forward is a port on a host's loopback whose connections come to us. It lasts
// until it is closed: when the link dials again, the same port is asked for, and
// where sshd still holds it for the lost connection, at each later use again.
type Forward struct {
	link   *Link
	handle func(net.Conn)
	slots  chan struct{}

	mu     sync.Mutex
	port   uint32
	conn   *conn // that it is or was bound on
	err    error // of the last try to bind it again
	closed bool
}

// Forward opens a port of the host's choice on its 127.0.0.1. Each connection
// to it is given to handle in a goroutine of its own and closed after; handle
// must return when the connection ends.
func (l *Link) Forward(ctx context.Context, handle func(net.Conn)) (*Forward, error) {
	c, err := l.connected(ctx)
	if err != nil {
		return nil, &hostError{l.host.Name, err}
	}
	defer l.fleet.pool.put(c)
	f := &Forward{link: l, handle: handle, slots: make(chan struct{}, maxForwarded)}
	if err := f.bind(ctx, c); err != nil {
		return nil, &hostError{l.host.Name, err}
	}
	l.mu.Lock()
	l.forwards = append(l.forwards, f)
	l.mu.Unlock()
	return f, nil
}

// Port returns the port on the host.
func (f *Forward) Port() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int(f.port)
}

// Err returns why the forward does not work at the moment: the connection is
// gone and not dialled again yet, or the port could not be had again.
func (f *Forward) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return net.ErrClosed
	}
	if f.err == nil && f.conn != nil && !f.conn.alive() {
		return f.conn.lost("forward lost")
	}
	return f.err
}

// Close gives the port back.
func (f *Forward) Close() error {
	l := f.link
	l.mu.Lock()
	for i, other := range l.forwards {
		if other == f {
			l.forwards = append(l.forwards[:i:i], l.forwards[i+1:]...)
			break
		}
	}
	l.mu.Unlock()
	f.mu.Lock()
	c := f.conn
	f.closed, f.conn = true, nil
	f.mu.Unlock()
	if c != nil {
		f.unbind(c)
	}
	return nil
}

// listenOn is the payload of RFC 4254, section 7.1.
type listenOn struct {
	Address string
	Port    uint32
}

// bind asks for the forward's port on c: any the first time, then the same.
func (f *Forward) bind(ctx context.Context, c *conn) error {
	ok, reply, err := c.ask(ctx, "tcpip-forward", ssh.Marshal(listenOn{"127.0.0.1", f.port}))
	if err != nil {
		return &trouble{kind: ErrLost, text: "cannot open a forward", cause: err}
	}
	if !ok && f.port != 0 {
		return fmt.Errorf("cannot open the forward again: the host does not give port %d back", f.port)
	}
	if !ok {
		return errors.New("cannot open a forward: the host does not allow it (AllowTcpForwarding, DisableForwarding)")
	}
	var got struct{ Port uint32 }
	if f.port == 0 && ssh.Unmarshal(reply, &got) != nil {
		return errors.New("cannot open a forward: the host does not say on which port")
	}
	if !f.link.fleet.pool.take(c) {
		return c.lost("cannot open a forward")
	}
	c.mu.Lock()
	c.forwards = append(c.forwards, f)
	c.mu.Unlock()
	if !f.bound(c, got.Port) { // closed meanwhile
		f.unbind(c)
	}
	return nil
}

// bound notes where the forward is, unless it has been closed.
func (f *Forward) bound(c *conn, port uint32) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	if f.port == 0 {
		f.port = port
	}
	f.conn = c
	return true
}

// unbind gives the port back to c's host, which bind took.
func (f *Forward) unbind(c *conn) {
	c.forget(f)
	f.link.fleet.pool.put(c)
	if c.alive() { // no answer is asked for, so this does not wait for the host
		_, _, _ = c.SendRequest("cancel-tcpip-forward", false, ssh.Marshal(listenOn{"127.0.0.1", uint32(f.Port())}))
	}
}

// rebind opens those of the link's forwards on c that are not there. It is
// called by one goroutine at a time.
func (l *Link) rebind(ctx context.Context, c *conn) {
	l.mu.Lock()
	forwards := l.forwards
	l.mu.Unlock()
	for _, f := range forwards {
		f.mu.Lock()
		there := f.conn == c || f.closed
		f.mu.Unlock()
		if there {
			continue
		}
		err := f.bind(ctx, c)
		f.mu.Lock()
		f.err = err
		f.mu.Unlock()
	}
}

func (c *conn) forget(f *Forward) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.forwards {
		if other == f {
			c.forwards = append(c.forwards[:i:i], c.forwards[i+1:]...)
			return
		}
	}
}

// ask sends a global request and returns once ctx is over whatever the other
// side does.
func (c *conn) ask(ctx context.Context, name string, payload []byte) (bool, []byte, error) {
	type answer struct {
		ok    bool
		reply []byte
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		ok, reply, err := c.SendRequest(name, true, payload)
		done <- answer{ok, reply, err}
	}()
	select {
	case a := <-done:
		return a.ok, a.reply, a.err
	case <-ctx.Done():
		return false, nil, context.Cause(ctx)
	}
}

// incoming takes a channel that the host opens, which only forwards may.
func (c *conn) incoming(open ssh.NewChannel) {
	f := c.forwardOf(open)
	if f == nil {
		_ = open.Reject(ssh.Prohibited, "not asked for") // a lost connection shows elsewhere
		return
	}
	select {
	case f.slots <- struct{}{}:
	default:
		_ = open.Reject(ssh.ResourceShortage, "too many connections")
		return
	}
	ch, reqs, err := open.Accept()
	if err != nil {
		<-f.slots
		return
	}
	go ssh.DiscardRequests(reqs)
	c.fleet.serving.Go(func() {
		defer func() { <-f.slots }()
		defer ch.Close()
		f.handle(&tunnelConn{Channel: ch, remote: tunnelAddr(c.RemoteAddr().String())})
	})
}

// forwardOf returns the forward that a channel belongs to, nil if none.
func (c *conn) forwardOf(open ssh.NewChannel) *Forward {
	var to struct { // RFC 4254, section 7.2
		Address string
		Port    uint32
		Rest    []byte `ssh:"rest"`
	}
	if open.ChannelType() != "forwarded-tcpip" || ssh.Unmarshal(open.ExtraData(), &to) != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.forwards {
		if uint32(f.Port()) == to.Port {
			return f
		}
	}
	return nil
}
