package simhost

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// session is one channel, on which a client may run one command.
type session struct {
	*connection
	channel ssh.Channel
	started bool
	run     sync.WaitGroup
}

// signalled is the cause of a command's end when the client sent a signal.
type signalled string

func (s signalled) Error() string { return "ended by SIG" + string(s) }

// serve answers a session's requests until the client is done with it.
func (s *session) serve(ctx context.Context, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancelCause(ctx)
	for r := range requests {
		ok, line := false, ""
		switch r.Type {
		case "exec":
			line, ok = s.command(r.Payload)
		case "env": // as sshd: refused where AcceptEnv doesn't name it
		case "signal":
			var asked struct{ Name string }
			if ok = ssh.Unmarshal(r.Payload, &asked) == nil; ok {
				s.fleet.tally.signals.Add(1)
				cancel(signalled(asked.Name))
			}
		}
		if r.WantReply {
			_ = r.Reply(ok, nil) // fails only if the connection is gone
		}
		if r.Type == "exec" && ok { // not before the reply, which its end would overtake
			s.run.Go(func() { s.play(ctx, line) })
		}
	}
	cancel(io.EOF)
	s.run.Wait()
}

// command reads a request to run one; a session has only one.
func (s *session) command(payload []byte) (line string, ok bool) {
	var asked struct{ Line string }
	if s.started || ssh.Unmarshal(payload, &asked) != nil {
		return "", false
	}
	s.started = true
	s.fleet.tally.commands.Add(1)
	return asked.Line, true
}

// play runs the script for one command, with what is wrong with the host, and
// reports how it ended.
func (s *session) play(ctx context.Context, line string) {
	defer s.channel.Close()
	status := 0
	switch s.fault {
	case Hang:
		<-ctx.Done()
	case Slow:
		pause(ctx, s.fleet.options.Slow)
		fallthrough
	default:
		status = s.fleet.options.Script(ctx, Command{
			Host: s.host, User: s.User(), Line: line, Fault: s.fault, Stdin: s.channel,
			Stdout: counted{s.channel, &s.fleet.tally.bytesOut}, Stderr: counted{s.channel.Stderr(), &s.fleet.tally.bytesOut},
			Disconnect: func() { _ = s.Close() },
		})
	}
	if s.fault == Drop {
		_ = s.Close()
		return
	}
	s.report(ctx, status)
}

// report sends the end of a command (RFC 4254, section 6.10).
func (s *session) report(ctx context.Context, status int) {
	var name signalled
	if errors.As(context.Cause(ctx), &name) {
		message := struct {
			Signal  string
			Core    bool
			Message string
			Lang    string
		}{Signal: string(name)}
		_, _ = s.channel.SendRequest("exit-signal", false, ssh.Marshal(message)) // the client may be gone
		return
	}
	message := struct{ Status uint32 }{uint32(status)}
	_, _ = s.channel.SendRequest("exit-status", false, ssh.Marshal(message))
}

// counted adds up what is written.
type counted struct {
	io.Writer
	bytes *atomic.Int64
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}
