package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/aptfleet/aptfleet/inventory"
)

// target is where a host is and how to log in there: a Host with the fleet's
// defaults filled in.
type target struct {
	address string // host:port
	user    string
	keys    *keys
	check   hostKeyCheck
	timeout time.Duration
	via     []inventory.Host // bastions, nearest first
}

func (f *Fleet) target(h inventory.Host) (*target, error) {
	known, err := f.knownHosts(h)
	if err != nil {
		return nil, &trouble{kind: ErrHostKey, text: "cannot check its key", cause: err}
	}
	def(&h.Port, 22)
	def(&h.ConnectTimeout, f.opt.ConnectTimeout)
	def(&h.User, f.opt.User)
	if h.User == "" {
		return nil, &trouble{kind: ErrAuth, text: "cannot log in: no user is named, and who runs this has no name either"}
	}
	via, err := f.route(h, 0)
	if err != nil {
		return nil, &trouble{kind: ErrUnreachable, text: "cannot find the way", cause: &finalError{err}}
	}
	keys := f.keys.forHost(h)
	if err := keys.usable(); err != nil {
		return nil, err
	}
	names := namesOf(h.Port, h.DialAddress(), string(h.Name))
	if h.HostKeyAlias != "" {
		names = namesOf(22, h.HostKeyAlias) // ssh looks an alias up without a port
	}
	return &target{
		address: net.JoinHostPort(h.DialAddress(), strconv.Itoa(h.Port)),
		user:    h.User, keys: keys, timeout: h.ConnectTimeout, via: via,
		check: hostKeyCheck{known: known, names: names, accept: f.opt.AcceptNew},
	}, nil
}

// usable returns an error if there is nothing to log in with.
func (k *keys) usable() error {
	if k.err != nil {
		return k.err
	}
	if len(k.signers) > 0 {
		return nil
	}
	t := &trouble{kind: ErrAuth, text: "cannot log in: there is no key: name one with identity, or start an ssh-agent that has one"}
	if k.hint != "" {
		t.text += " (" + k.hint + ")"
	}
	return t
}

// dial connects and logs in, once. Waiting for a bastion and for a place among
// the handshakes does not count against the host's time.
func (f *Fleet) dial(ctx context.Context, t *target) (*conn, error) {
	via, err := f.bastion(ctx, t.via)
	if err != nil {
		return nil, err
	}
	if err := f.acquireHandshake(ctx); err != nil {
		return nil, &trouble{kind: ErrUnreachable, text: "not connected", cause: err}
	}
	defer f.handshakes.Release(1)
	ctx, cancel := context.WithTimeoutCause(ctx, t.timeout, fmt.Errorf("no answer within %v", t.timeout))
	defer cancel()
	c, err := f.login(ctx, t, via, t.check.request())
	var other *otherTypes
	if errors.As(err, &other) {
		c, err = f.login(ctx, t, via, requestFor(other.lines))
	}
	if errors.As(err, &other) {
		err = &trouble{kind: ErrHostKey, text: "cannot log in: the host shows another type of key than it was asked for", cause: err}
	}
	return c, err
}

// login makes one network connection and logs in over it.
func (f *Fleet) login(ctx context.Context, t *target, via *conn, ask request) (*conn, error) {
	raw, err := t.connect(ctx, via)
	if err != nil {
		return nil, &trouble{kind: ErrUnreachable, text: "cannot connect to " + t.address, cause: plainCause(ctx, err)}
	}
	w := &wire{Conn: raw}
	w.heard.Store(clock())
	h := &handshake{target: t, ask: ask}
	s, err := h.do(ctx, w)
	if err != nil {
		return nil, err
	}
	return f.start(s, w)
}

// connect opens the network connection, directly or through a bastion.
func (t *target) connect(ctx context.Context, via *conn) (net.Conn, error) {
	if via != nil {
		return via.forward(ctx, fmt.Sprintf("the bastion %v", via.RemoteAddr()), t.address)
	}
	d := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3},
	}
	c, err := d.DialContext(ctx, "tcp", t.address)
	if err != nil {
		return nil, err
	}
	return c, setUserTimeout(c)
}

// setUserTimeout lets the kernel give up on data that nobody acknowledges
// (tcp(7)), where it would go on for a quarter of an hour.
func setUserTimeout(c net.Conn) error {
	const limit = 60 * time.Second
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
	})
	return errors.Join(err, failed)
}

// plainCause returns the reason that a person can do something with: what
// cancelled ctx, or the innermost error without Go's "dial tcp".
func plainCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var op *net.OpError
	if !errors.As(err, &op) {
		return err
	}
	var errno syscall.Errno
	if errors.As(op.Err, &errno) {
		return errno
	}
	return op.Err
}

// session is what the library returns of a handshake.
type session struct {
	ssh.Conn
	chans <-chan ssh.NewChannel
	reqs  <-chan *ssh.Request
}
