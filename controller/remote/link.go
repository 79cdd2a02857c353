package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

// maxSessions is how many commands of ours run on one connection at a time;
// sshd takes 10 (MaxSessions), and an administrator may be there too.
const maxSessions = 4

// Command is one command on a host.
type Command struct {
	Argv []string
	// Stdin is read until the command ends, and perhaps once more; nil is empty.
	Stdin io.Reader
	// Root runs it as root, by the way that the host's Become names: "sudo"
	// needs no password there, "none" runs it as whoever logs in, and ""
	// is "none" for root's own login, else "sudo".
	Root bool
}

// Link is the way to one host. Its methods may be called concurrently; more
// than four commands at a time wait for each other.
type Link struct {
	fleet    *Fleet
	host     inventory.Host
	sessions *semaphore.Weighted
	dialing  chan struct{} // held by whoever connects

	mu       sync.Mutex
	conn     *conn
	forwards []*Forward
}

// Host returns the host that the link leads to.
func (l *Link) Host() inventory.Host { return l.host }

// Run runs a command to its end and returns what it wrote, with LC_ALL=C and
// for chroot targets with APTFLEET_ROOT and APTFLEET_CHROOT set. It connects if
// there is no connection. A command that ran and said no is an *ExitError. Any
// other error is about the way there: ErrUnreachable, ErrHostKey, ErrAuth and
// ErrBecome say that it did not run; ErrLost, and the cause of a cancelled ctx,
// that it may have run or may still.
func (l *Link) Run(ctx context.Context, cmd Command) (Output, error) {
	out, err := l.run(ctx, cmd)
	if err != nil {
		return out, &hostError{l.host.Name, err}
	}
	return out, nil
}

// Shell runs a script by POSIX sh as root, with args as $1 and so on, and
// returns its stdout.
func (l *Link) Shell(ctx context.Context, script string, args ...string) ([]byte, error) {
	out, err := l.Run(ctx, Command{Argv: append([]string{"sh", "-c", script, "sh"}, args...), Root: true})
	return out.Stdout, err
}

// Close ends the connection. The link stays usable and would dial again.
func (l *Link) Close() error {
	l.mu.Lock()
	c := l.conn
	l.conn = nil
	l.mu.Unlock()
	if c != nil {
		c.end(errClosed)
	}
	return nil
}

func (l *Link) run(ctx context.Context, cmd Command) (Output, error) {
	line, err := l.line(cmd)
	if err != nil {
		return Output{}, err
	}
	if l.sessions.Acquire(ctx, 1) != nil {
		return Output{}, fmt.Errorf("not started: %w", context.Cause(ctx))
	}
	defer l.sessions.Release(1)
	out, err := l.exec(ctx, cmd.Argv[0], line, cmd.Stdin)
	if cmd.Root && l.becomes() {
		err = l.becomeError(ctx, err)
	}
	return out, err
}

// exec runs a line on the connection at hand. What was not started because
// that turned out to be gone, which says nothing about the host, runs on a new
// one; what was not because of too many sessions, a little later.
func (l *Link) exec(ctx context.Context, name string, line line, stdin io.Reader) (Output, error) {
	gone := 0
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		c, err := l.connected(ctx)
		if err != nil {
			return Output{}, err
		}
		e := &execution{conn: c, name: name, line: line, stdin: stdin, limit: l.fleet.opt.MaxOutput}
		out, err := e.run(ctx)
		l.fleet.pool.put(c)
		switch {
		case errors.Is(err, errNoSession) && wait < 4*time.Second:
			if pause.For(ctx, wait) != nil {
				return out, err
			}
		case errors.Is(err, errNotStarted) && gone == 0:
			gone++
			c.end(errNotStarted)
		case errors.Is(err, errNotStarted):
			return out, &trouble{kind: ErrUnreachable, text: "the host closes its connections at once"}
		default:
			return out, err
		}
	}
}

// connected returns the connection, taken into use: whoever gets it parks it.
func (l *Link) connected(ctx context.Context) (*conn, error) {
	select {
	case l.dialing <- struct{}{}:
		defer func() { <-l.dialing }()
	case <-ctx.Done():
		return nil, &trouble{kind: ErrUnreachable, text: "not connected", cause: context.Cause(ctx)}
	}
	l.mu.Lock()
	c := l.conn
	l.mu.Unlock()
	if c != nil && c.alive() && l.fleet.pool.take(c) {
		l.rebind(ctx, c)
		return c, nil
	}
	c, err := l.fleet.connect(ctx, l.host)
	if err != nil {
		return nil, err
	}
	l.hold(c)
	l.rebind(ctx, c)
	return c, nil
}

// hold makes c the connection of l for as long as it lives. What has ended is let
// go of: of thousands of links, all wait most of the time, and few are connected.
func (l *Link) hold(c *conn) {
	l.mu.Lock()
	l.conn = c
	l.mu.Unlock()
	c.link.Store(l)
	if !c.alive() {
		l.drop(c)
	}
}

// drop lets go of c, which has ended.
func (l *Link) drop(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == c {
		l.conn = nil
	}
}

// connect makes a connection that counts as a live host and is in use.
func (f *Fleet) connect(ctx context.Context, h inventory.Host) (*conn, error) {
	t, err := f.target(h)
	if err != nil {
		return nil, err
	}
	if err := f.pool.acquire(ctx); err != nil {
		return nil, &trouble{kind: ErrUnreachable, text: "not connected", cause: err}
	}
	c, err := f.persist(ctx, func() (*conn, error) { return f.dial(ctx, t) })
	if err != nil {
		f.pool.release()
		return nil, err
	}
	if !f.pool.enter(c) {
		f.pool.release()
		return nil, c.lost("connection lost at once")
	}
	return c, nil
}

// line returns the command as the login shell gets it.
func (l *Link) line(cmd Command) (line, error) {
	var assign []string
	if l.host.Chroot != "" {
		assign = []string{"APTFLEET_ROOT=" + l.host.Chroot, "APTFLEET_CHROOT=" + l.host.Chroot}
	}
	if cmd.Root && l.becomes() && len(cmd.Argv) > 0 {
		return rootLine(assign, cmd.Argv, cmd.Stdin != nil)
	}
	return loginLine(append([]string{plainWords}, assign...), cmd.Argv, cmd.Stdin != nil)
}

// becomes reports whether root is reached through sudo.
func (l *Link) becomes() bool {
	switch l.host.Become {
	case "sudo":
		return true
	case "":
		user := l.host.User
		def(&user, l.fleet.opt.User)
		return user != "root"
	}
	return false
}

// becomeError tells sudo's own refusal from the failure of a command below it:
// both exit with a status, and the words on stderr could be anyone's. So where
// it looks like sudo, sudo is asked whether it would do anything at all.
func (l *Link) becomeError(ctx context.Context, err error) error {
	var exit *ExitError
	if !errors.As(err, &exit) || !strings.Contains(exit.Stderr, "sudo:") {
		return err
	}
	_, probe := l.exec(ctx, "sudo", line{login: `exec /bin/sh -c 'LC_ALL=C sudo -n -- sh -c :'`}, nil)
	var refusal *ExitError
	if !errors.As(probe, &refusal) {
		return err
	}
	return &trouble{kind: ErrBecome, text: fmt.Sprintf(
		"cannot become root with sudo: %s; allow it without a password (NOPASSWD) or set become = \"none\"", lastLine(refusal.Stderr))}
}
