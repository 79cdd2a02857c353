package remote

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

var (
	errIdle     = errors.New("closed to make room for another host")
	errClosed   = errors.New("closed")
	errNoStatus = errors.New("the host closed the channel")
	errHungUp   = errors.New("the host closed it")
)

// conn is one SSH connection, to a host or to a bastion. It lives until it is
// ended or the other side goes; it is never mended.
type conn struct {
	ssh.Conn
	wire  *wire
	fleet *Fleet
	gone  chan struct{} // closed once it has ended
	why   atomic.Pointer[error]
	link  atomic.Pointer[Link] // that holds it; nil for a bastion's

	slot     poolSlot     // in fleet.pool, which guards it
	busy     atomic.Int32 // uses that wait for the other side: keep-alives watch over them
	probing  atomic.Bool
	mu       sync.Mutex
	forwards []*Forward
}

// start serves what the other side asks of us, which the library wants done or
// everything hangs. It fails only if the fleet has been closed meanwhile.
func (f *Fleet) start(s session, w *wire) (*conn, error) {
	c := &conn{Conn: s.Conn, wire: w, fleet: f, gone: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		_ = s.Close() // nothing has been done with it
		return nil, &trouble{kind: ErrUnreachable, text: "not connected", cause: &finalError{errClosed}}
	}
	f.conns[c] = struct{}{}
	f.serving.Go(func() { c.serve(s.chans, s.reqs) })
	return c, nil
}

func (c *conn) serve(chans <-chan ssh.NewChannel, reqs <-chan *ssh.Request) {
	for chans != nil || reqs != nil {
		select {
		case r, ok := <-reqs:
			if !ok {
				reqs = nil
			} else {
				_ = r.Reply(false, nil) // as ssh answers sshd's keep-alives; a lost connection shows elsewhere
			}
		case ch, ok := <-chans:
			if !ok {
				chans = nil
			} else {
				c.incoming(ch)
			}
		}
	}
	c.end(c.Wait()) // it has ended already; this frees the socket
	c.fleet.mu.Lock()
	delete(c.fleet.conns, c)
	c.fleet.mu.Unlock()
	close(c.gone)
	c.fleet.pool.leave(c)
	if l := c.link.Load(); l != nil {
		l.drop(c)
	}
}

// alive reports whether the connection has not ended, as far as we know.
func (c *conn) alive() bool {
	select {
	case <-c.gone:
		return false
	default:
		return c.why.Load() == nil
	}
}

// end closes the connection and keeps the first reason why.
func (c *conn) end(why error) {
	if why == nil || why == io.EOF {
		why = errHungUp
	}
	c.why.CompareAndSwap(nil, &why)
	_ = c.Close() // what counts is that the socket is gone
}

// lost is the error of whoever was using the connection when it went. A command
// that ended without a status while its connection lives, because the host shot
// its sshd, counts as the same.
func (c *conn) lost(text string) error {
	cause := errNoStatus
	timer := time.NewTimer(settle)
	defer timer.Stop()
	select {
	case <-c.gone:
		cause = *c.why.Load()
	case <-timer.C:
	}
	return &trouble{kind: ErrLost, text: text, cause: cause}
}

// settle is how long the end of a connection may take to arrive after that of
// the channels in it.
const settle = 100 * time.Millisecond

// wire is the network connection under a conn. It notes when the other side was
// heard last, and reads the version line at once, which the library reads byte
// by byte: half of the system calls of a short connection.
type wire struct {
	net.Conn
	begun bool
	early []byte // of the first read, not passed on yet
	heard atomic.Int64
}

// clock is a time that costs little to keep in an atomic.
func clock() int64 { return int64(time.Since(epoch)) }

var epoch = time.Now()

// Read is called by one goroutine at a time.
func (w *wire) Read(p []byte) (int, error) {
	if !w.begun {
		w.begun = true
		first := make([]byte, 512)
		n, err := w.Conn.Read(first)
		if err != nil {
			return 0, err
		}
		w.early = first[:n]
	}
	if len(w.early) > 0 {
		n := copy(p, w.early)
		if w.early = w.early[n:]; len(w.early) == 0 {
			w.early = nil
		}
		return n, nil
	}
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.heard.Store(clock())
	}
	return n, err
}
