package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/aptfleet/aptfleet/inventory"
)

// maxHops bounds the way to a host, which ends configurations that go in rings.
const maxHops = 8

// route returns the bastions on the way to h, nearest first. A bastion gets the
// user and the key of the host behind it where nothing else is said. One that is
// h itself ends the way: a jump that all hosts share reaches the bastion too.
func (f *Fleet) route(h inventory.Host, depth int) ([]inventory.Host, error) {
	if h.Jump == "" || h.Jump == "none" {
		return nil, nil
	}
	if depth > maxHops {
		return nil, fmt.Errorf("jump %q: more than %d hops, or a ring", h.Jump, maxHops)
	}
	var via []inventory.Host
	for i, spec := range strings.Split(h.Jump, ",") {
		hop, err := f.hop(spec, h)
		if err != nil {
			return nil, err
		}
		if sameAddress(hop, h) {
			break
		}
		if i == 0 { // the way to the first is its own affair
			before, err := f.route(hop, depth+1)
			if err != nil {
				return nil, err
			}
			via = append(via, before...)
		}
		hop.Jump = ""
		via = append(via, hop)
	}
	return via, nil
}

// sameAddress reports whether a and b are reached at the same place.
func sameAddress(a, b inventory.Host) bool {
	def(&a.Port, 22)
	def(&b.Port, 22)
	return strings.EqualFold(a.DialAddress(), b.DialAddress()) && a.Port == b.Port
}

func (f *Fleet) hop(spec string, behind inventory.Host) (inventory.Host, error) {
	hop, err := parseHop(spec)
	if err != nil {
		return hop, err
	}
	if f.opt.Resolve != nil {
		if hop, err = f.opt.Resolve(hop); err != nil {
			return hop, fmt.Errorf("jump %q: %w", spec, err)
		}
	}
	def(&hop.User, behind.User)
	if hop.Identity == "" && hop.Identities == nil {
		hop.Identity, hop.Identities = behind.Identity, behind.Identities
	}
	if len(hop.KnownHosts) == 0 {
		hop.KnownHosts = behind.KnownHosts
	}
	return hop, nil
}

// parseHop reads [user@]host[:port], in which an IPv6 address with a port
// stands in brackets.
func parseHop(spec string) (inventory.Host, error) {
	rest := strings.TrimSpace(spec)
	var h inventory.Host
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		h.User, rest = rest[:i], rest[i+1:]
		if h.User == "" {
			return h, fmt.Errorf("jump %q: no user before the @", spec)
		}
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		host = rest
		if strings.HasPrefix(rest, "[") && strings.HasSuffix(rest, "]") {
			host = rest[1 : len(rest)-1]
		}
	} else if h.Port, err = strconv.Atoi(port); err != nil || h.Port < 1 || h.Port > 65535 {
		return h, fmt.Errorf("jump %q: port %q is not between 1 and 65535", spec, port)
	}
	if host == "" || strings.ContainsAny(host, " \t/[]") {
		return h, fmt.Errorf("jump %q: want [user@]host[:port]", spec)
	}
	h.Name = inventory.HostName(host)
	return h, nil
}

// bastion is one host on the way to others. One connection to it serves all of
// them: sshd counts no forwards against MaxSessions, but a connection for each
// would run into its MaxStartups.
type bastion struct {
	mu      sync.Mutex
	conn    *conn
	dialing *attempt
}

// attempt is one try to connect that all who wait for the bastion share.
type attempt struct {
	done chan struct{}
	conn *conn
	err  error
}

// bastion returns a connection to the last of hops, through the others; nil for
// no hops.
func (f *Fleet) bastion(ctx context.Context, hops []inventory.Host) (*conn, error) {
	if len(hops) == 0 {
		return nil, nil
	}
	last := hops[len(hops)-1]
	a := f.bastionAt(hops).get(func() (*conn, error) {
		c, err := f.dialBastion(context.WithoutCancel(ctx), last, hops[:len(hops)-1])
		if err != nil {
			return nil, fmt.Errorf("cannot pass through %s: %w", last.Name, err)
		}
		return c, nil
	})
	select {
	case <-a.done:
		return a.conn, a.err
	case <-ctx.Done():
		return nil, &trouble{kind: ErrUnreachable, text: fmt.Sprintf("waiting for %s", last.Name), cause: context.Cause(ctx)}
	}
}

func (f *Fleet) bastionAt(hops []inventory.Host) *bastion {
	var way strings.Builder
	for _, h := range hops {
		fmt.Fprintf(&way, "%q %q %d %q %q,", h.User, h.DialAddress(), h.Port, h.Identity, h.Identities)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.bastions[way.String()]
	if b == nil {
		b = &bastion{}
		f.bastions[way.String()] = b
	}
	return b
}

// get returns the connection at hand, the attempt under way, or a new one.
func (b *bastion) get(dial func() (*conn, error)) *attempt {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dialing != nil {
		return b.dialing
	}
	a := &attempt{done: make(chan struct{}), conn: b.conn}
	if b.conn != nil && b.conn.alive() {
		close(a.done)
		return a
	}
	b.dialing = a
	go func() {
		a.conn, a.err = dial()
		b.mu.Lock()
		b.conn, b.dialing = a.conn, nil
		b.mu.Unlock()
		close(a.done)
	}()
	return a
}

// dialBastion connects to a bastion within its own time, whoever asked first.
func (f *Fleet) dialBastion(ctx context.Context, h inventory.Host, via []inventory.Host) (*conn, error) {
	t, err := f.target(h)
	if err != nil {
		return nil, err
	}
	t.via = via
	c, err := f.dial(ctx, t)
	if err == nil {
		c.busy.Add(1) // as long as it lives, others depend on it
	}
	return c, err
}

// forward opens a connection to address from the other side, which errors call
// by.
func (c *conn) forward(ctx context.Context, by, address string) (*tunnelConn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	payload := ssh.Marshal(struct { // RFC 4254, section 7.2
		Host       string
		Port       uint32
		Originator string
		FromPort   uint32
	}{host, uint32(number), "127.0.0.1", 0})
	ch, reqs, err := c.open(ctx, "direct-tcpip", payload)
	if err != nil {
		return nil, explainForward(by, err)
	}
	go ssh.DiscardRequests(reqs)
	return &tunnelConn{Channel: ch, remote: tunnelAddr(address)}, nil
}

func explainForward(by string, err error) error {
	var refused *ssh.OpenChannelError
	if !errors.As(err, &refused) {
		return err
	}
	if refused.Reason == ssh.Prohibited {
		return &finalError{fmt.Errorf("%s does not forward there (AllowTcpForwarding, PermitOpen)", by)}
	}
	if strings.EqualFold(refused.Message, syscall.ECONNREFUSED.Error()) {
		return &finalError{fmt.Errorf("%s cannot connect there: %w", by, syscall.ECONNREFUSED)}
	}
	return fmt.Errorf("%s cannot connect there: %s", by, refused.Message)
}

// open opens a channel, and returns once ctx is over whatever the other side does.
func (c *conn) open(ctx context.Context, kind string, payload []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	type result struct {
		ch   ssh.Channel
		reqs <-chan *ssh.Request
		err  error
	}
	done := make(chan result, 1)
	go func() {
		ch, reqs, err := c.OpenChannel(kind, payload)
		done <- result{ch, reqs, err}
	}()
	select {
	case r := <-done:
		return r.ch, r.reqs, r.err
	case <-ctx.Done():
		go func() { // a channel that opens too late must not stay
			if r := <-done; r.err == nil {
				go ssh.DiscardRequests(r.reqs)
				_ = r.ch.Close()
			}
		}()
		return nil, nil, context.Cause(ctx)
	}
}

// tunnelConn is a connection that another host made for us. It knows no deadlines, which is
// why nothing here uses any.
type tunnelConn struct {
	ssh.Channel
	remote tunnelAddr
}

func (t *tunnelConn) LocalAddr() net.Addr              { return tunnelAddr("127.0.0.1:0") }
func (t *tunnelConn) RemoteAddr() net.Addr             { return t.remote }
func (t *tunnelConn) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (t *tunnelConn) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (t *tunnelConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

type tunnelAddr string

func (tunnelAddr) Network() string  { return "tcp" }
func (a tunnelAddr) String() string { return string(a) }
