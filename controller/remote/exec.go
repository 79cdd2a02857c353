package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Output is what a command wrote.
type Output struct{ Stdout, Stderr []byte }

var (
	// errNotStarted says that the connection went before the command did.
	errNotStarted = errors.New("not started")
	// errNoSession says that the host has too many sessions on this connection:
	// it counts one until it has cleaned up behind it, and that of a command
	// which nobody waits for any more until that ends.
	errNoSession = errors.New("the host refuses another session (MaxSessions)")
)

// signals are those that RFC 4254, section 6.10 names, with Linux' numbers.
var signals = map[string]int{
	"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "ABRT": 6, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15,
}

// execution is one command on one channel. It uses the bare channel: ssh.Session
// holds two buffers of 32 KiB while it waits.
type execution struct {
	conn  *conn
	name  string // of the command, for messages
	line  line
	stdin io.Reader
	limit int

	mu        sync.Mutex
	channel   ssh.Channel // nil before it is open
	abandoned bool
	readErr   error // of stdin
}

// result is how an execution ended.
type result struct {
	out Output
	err error
}

// grace is how long a host has to close the channel of a command that we no
// longer wait for; then the whole connection goes.
const grace = 2 * time.Second

// run returns when the command has ended, or soon after ctx has, whatever the
// other side does.
func (e *execution) run(ctx context.Context) (Output, error) {
	done := make(chan result, 1)
	go func() { done <- e.converse() }()
	select {
	case r := <-done:
		return r.out, r.err
	case <-ctx.Done():
	}
	go e.abandon()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		go e.conn.end(errors.New("it no longer answered"))
	}
	return Output{}, fmt.Errorf("stopped waiting for %s, which may still run: %w", e.name, context.Cause(ctx))
}

// abandon closes the channel; sshd then closes the command's stdin and stdout.
func (e *execution) abandon() {
	e.mu.Lock()
	e.abandoned = true
	ch := e.channel
	e.mu.Unlock()
	if ch != nil {
		_ = ch.Close() // if that fails, the connection is gone anyway
	}
}

func (e *execution) converse() result {
	ch, reqs, err := e.conn.OpenChannel("session", nil)
	if err != nil {
		return result{err: e.notOpened(err)}
	}
	defer ch.Close()
	e.mu.Lock()
	e.channel = ch
	abandoned := e.abandoned
	e.mu.Unlock()
	if abandoned {
		return result{err: errNotStarted}
	}
	ok, err := ch.SendRequest("exec", true, ssh.Marshal(struct{ Line string }{e.line.login}))
	if err != nil {
		return result{err: e.conn.lost("connection lost while " + e.name + " was started")}
	}
	if !ok {
		return result{err: fmt.Errorf("cannot run %s: the host refuses to run commands", e.name)}
	}
	if e.stdin == nil && e.line.stdin == nil {
		_ = ch.CloseWrite() // fails only if the command has ended
	} else {
		go e.feed(ch)
	}
	out, full := e.collect(ch)
	return result{out, e.verdict(reqs, out, full)}
}

func (e *execution) notOpened(err error) error {
	var refused *ssh.OpenChannelError
	if errors.As(err, &refused) {
		return fmt.Errorf("cannot run %s: %w: %s", e.name, errNoSession, refused.Message)
	}
	return errNotStarted
}

// smallWrite is how much of a line goes into one packet: each connection keeps
// buffers as large as its largest packet was, and there are thousands.
const smallWrite = 4 << 10

// feed sends what the login line reads, or stdin. It may outlive the command
// where the reader blocks.
func (e *execution) feed(ch ssh.Channel) {
	for piece := range slices.Chunk(e.line.stdin, smallWrite) {
		if _, err := ch.Write(piece); err != nil {
			return // the command is gone, or the connection
		}
	}
	if e.stdin != nil {
		if _, err := io.CopyBuffer(ch, source{e}, make([]byte, 8<<10)); err != nil {
			return
		}
	}
	_ = ch.CloseWrite() // as above
}

// source is stdin, which ends the command if it can't be read to its end:
// half of a file must not pass for the whole.
type source struct{ e *execution }

func (s source) Read(p []byte) (int, error) {
	n, err := s.e.stdin.Read(p)
	if err != nil && err != io.EOF {
		s.e.mu.Lock()
		s.e.readErr = err
		s.e.mu.Unlock()
		s.e.abandon()
	}
	return n, err
}

// collect reads both streams to their end. It keeps the first limit bytes of
// each and reports whether there was more.
func (e *execution) collect(ch ssh.Channel) (out Output, full bool) {
	var stderrFull bool
	var wg sync.WaitGroup
	wg.Go(func() { out.Stderr, stderrFull = readBounded(ch.Stderr(), e.limit) })
	out.Stdout, full = readBounded(ch, e.limit)
	wg.Wait()
	return out, full || stderrFull
}

// readBounded reads r to its end, because a reader that stops would let the
// host pile up 2 MiB with us, and returns the first limit bytes. What it waits
// with is small: thousands of these wait at once.
func readBounded(r io.Reader, limit int) (data []byte, more bool) {
	buf := make([]byte, 0, 512)
	for {
		if len(buf) >= limit {
			n, _ := io.Copy(io.Discard, r) // an error ends it like the end
			return buf[:limit], more || n > 0 || len(buf) > limit
		}
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, cap(buf))
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil {
			return buf[:min(len(buf), limit)], len(buf) > limit
		}
	}
}

// verdict reads how the command ended. Both streams are over by then, and what
// may still come is few requests, which the library holds for us.
func (e *execution) verdict(reqs <-chan *ssh.Request, out Output, full bool) error {
	status, signal, known := 0, "", false
	for r := range reqs {
		switch r.Type {
		case "exit-status":
			if len(r.Payload) >= 4 {
				status, known = int(binary.BigEndian.Uint32(r.Payload)), true
			}
		case "exit-signal":
			var p struct {
				Name string
				Rest []byte `ssh:"rest"`
			}
			if ssh.Unmarshal(r.Payload, &p) == nil {
				status, signal, known = 128+signals[p.Name], p.Name, true
			}
		}
		_ = r.Reply(false, nil) // nothing to be asked for; a lost connection shows below
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.readErr != nil:
		return fmt.Errorf("cannot run %s: cannot read its input: %w", e.name, e.readErr)
	case !known:
		return e.conn.lost("connection lost while " + e.name + " ran: what it did is not known")
	case status != 0:
		return &ExitError{Command: e.name, Status: status, Signal: signal, Stderr: string(tail(out.Stderr, 4<<10))}
	case full:
		return &trouble{kind: ErrOutput, text: fmt.Sprintf("%s wrote more than %d bytes; the rest was dropped", e.name, e.limit)}
	}
	return nil
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }
