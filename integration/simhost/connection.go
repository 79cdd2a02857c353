package simhost

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// serve answers what the client asks for on its connection, until that ends and
// every command of it has.
func (c *connection) serve(channels <-chan ssh.NewChannel, requests <-chan *ssh.Request) {
	defer c.fleet.tally.leave()
	ctx, cancel := context.WithCancel(c.fleet.ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	defer c.Close()
	work.Go(func() { c.answer(requests) })
	var sessions atomic.Int64
	for asked := range channels {
		switch asked.ChannelType() {
		case "session":
			c.openSession(ctx, &work, &sessions, asked)
		case "direct-tcpip":
			work.Go(func() { c.forward(ctx, asked) })
		default:
			_ = asked.Reject(ssh.UnknownChannelType, "unknown channel type")
		}
	}
}

// answer says no to global requests, as sshd does to keep-alives.
func (c *connection) answer(requests <-chan *ssh.Request) {
	for r := range requests {
		if r.Type == "keepalive@openssh.com" {
			c.fleet.tally.keepalives.Add(1)
		}
		if r.WantReply {
			_ = r.Reply(false, nil) // fails only if the connection is gone
		}
	}
}

// openSession starts a session unless there are as many as MaxSessions allows.
func (c *connection) openSession(ctx context.Context, work *sync.WaitGroup, open *atomic.Int64, asked ssh.NewChannel) {
	most := int64(c.fleet.options.MaxSessions)
	if most > 0 && open.Load() >= most {
		c.fleet.tally.refusedSessions.Add(1)
		_ = asked.Reject(ssh.ConnectionFailed, "open failed") // sshd's words
		return
	}
	channel, requests, err := asked.Accept()
	if err != nil {
		return // the connection is gone
	}
	c.fleet.tally.sessions.Add(1)
	open.Add(1)
	work.Go(func() {
		defer open.Add(-1)
		(&session{connection: c, channel: channel}).serve(ctx, requests)
	})
}
