package lab

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshServer is the SSH server of a light host. It does what sshd does as far
// as a controller can tell: a command outlives its connection, a session lasts
// until nobody holds its output any more, and there is no pty to be had.
type sshServer struct {
	link    *link
	command func(line string) *exec.Cmd // what a session is to run
	conf    atomic.Pointer[ssh.ServerConfig]
	wg      sync.WaitGroup
}

// The limits of Debian's sshd (sshd_config(5): LoginGraceTime, MaxSessions).
const (
	loginGrace  = 2 * time.Minute
	maxSessions = 10
)

// setKey makes key the server's host key, for connections from now on that
// user opens with the client key.
func (s *sshServer) setKey(key ssh.Signer, user string, client ssh.PublicKey) {
	conf := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-aptfleet-lab",
		PublicKeyCallback: func(c ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
			if c.User() != user || string(k.Marshal()) != string(client.Marshal()) {
				return nil, fmt.Errorf("%s may not log in with %s", c.User(), ssh.FingerprintSHA256(k))
			}
			return nil, nil
		},
	}
	conf.AddHostKey(key)
	s.conf.Store(conf)
}

// serve answers the connections of l until it is closed.
func (s *sshServer) serve(l net.Listener) {
	s.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			joined := s.link.join(conn)
			s.wg.Go(func() { s.connection(joined) })
		}
	})
}

// connection serves one connection to its end.
func (s *sshServer) connection(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(loginGrace)) // a TCP connection takes deadlines
	sc, channels, requests, err := ssh.NewServerConn(conn, s.conf.Load())
	if err != nil {
		return
	}
	_ = conn.SetDeadline(time.Time{})
	f := &forwards{conn: sc, wg: &s.wg}
	defer f.close()
	s.wg.Go(func() { f.serve(requests) })
	var open atomic.Int32
	for c := range channels {
		switch {
		case c.ChannelType() == "direct-tcpip":
			s.wg.Go(func() { f.direct(c) })
		case c.ChannelType() != "session":
			_ = c.Reject(ssh.UnknownChannelType, "unknown channel type")
		case open.Load() >= maxSessions:
			_ = c.Reject(ssh.ConnectionFailed, "open failed")
		default:
			open.Add(1)
			s.wg.Go(func() {
				defer open.Add(-1)
				s.session(c)
			})
		}
	}
}

// session runs the one command of a session.
func (s *sshServer) session(c ssh.NewChannel) {
	ch, requests, err := c.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	var running sync.WaitGroup
	defer running.Wait()
	started := false
	for r := range requests {
		var exec struct{ Command string }
		if started || r.Type != "exec" || ssh.Unmarshal(r.Payload, &exec) != nil {
			_ = r.Reply(false, nil) // the loop ends where the connection is gone
			continue
		}
		started = true
		_ = r.Reply(true, nil)
		running.Go(func() { s.run(ch, s.command(exec.Command)) })
	}
}

// run runs cmd on the channel, and closes it with the command's status.
func (s *sshServer) run(ch ssh.Channel, cmd *exec.Cmd) {
	defer ch.Close()
	cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(ch.Stderr(), err)
		_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{127}))
		return
	}
	// Not cmd.Stdin: the command's end would then wait for the client's input's.
	s.wg.Go(func() {
		_, _ = io.Copy(stdin, ch) // ends with either side
		_ = stdin.Close()
	})
	_ = cmd.Wait() // the state says it all, and a client that is gone is no error of the command's
	reply, payload := exitMessage(cmd.ProcessState.Sys().(syscall.WaitStatus))
	_, _ = ch.SendRequest(reply, false, payload) // nobody is left to hear that this failed
}

// exitMessage is how a session says what became of its command (RFC 4254, 6.10).
func exitMessage(status syscall.WaitStatus) (name string, payload []byte) {
	if status.Signaled() {
		signal := signalNames[status.Signal()]
		return "exit-signal", ssh.Marshal(struct {
			Signal     string
			Core       bool
			Text, Lang string
		}{Signal: signal, Text: status.Signal().String()})
	}
	return "exit-status", ssh.Marshal(struct{ Status uint32 }{uint32(status.ExitStatus())})
}

var signalNames = map[syscall.Signal]string{
	syscall.SIGABRT: "ABRT", syscall.SIGALRM: "ALRM", syscall.SIGFPE: "FPE", syscall.SIGHUP: "HUP",
	syscall.SIGILL: "ILL", syscall.SIGINT: "INT", syscall.SIGKILL: "KILL", syscall.SIGPIPE: "PIPE",
	syscall.SIGQUIT: "QUIT", syscall.SIGSEGV: "SEGV", syscall.SIGTERM: "TERM",
}

// listenAt listens on a port of address: any while port is 0, else this one.
func listenAt(address string, port int) (*net.TCPListener, error) {
	ip := net.ParseIP(address)
	if ip == nil {
		return nil, errors.New("no IP address: " + address)
	}
	return net.ListenTCP("tcp", &net.TCPAddr{IP: ip, Port: port})
}
