package remote

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/aptfleet/aptfleet/inventory"
)

// faulty is a server whose sessions do what a test wants; its host key is
// publicKey(1)'s.
type faulty struct {
	t        *testing.T
	listener net.Listener
	accepted atomic.Int64
	conns    chan net.Conn // the accepted ones
	session  func(ch ssh.Channel, reqs <-chan *ssh.Request)
	mute     atomic.Bool // global requests get no answer
}

// startFaulty serves connections by serve, or as an SSH server if that is nil.
func startFaulty(t *testing.T, serve func(net.Conn)) *faulty {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &faulty{t: t, listener: l, conns: make(chan net.Conn, 100)}
	if serve == nil {
		serve = s.ssh
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.accepted.Add(1)
			s.conns <- c
			wg.Go(func() { serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close() // a test may have closed it
		for len(s.conns) > 0 {
			_ = (<-s.conns).Close() // may be closed
		}
		wg.Wait()
	})
	return s
}

func (s *faulty) ssh(c net.Conn) {
	defer c.Close()
	conf := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	conf.AddHostKey(privateKey(s.t, 1))
	_, chans, reqs, err := ssh.NewServerConn(c, conf)
	if err != nil {
		return
	}
	go func() {
		for r := range reqs {
			if !s.mute.Load() {
				_ = r.Reply(false, nil) // the client may be gone
			}
		}
	}()
	for open := range chans {
		ch, reqs, err := open.Accept()
		if err == nil {
			go s.session(ch, reqs)
		}
	}
}

func (s *faulty) host() inventory.Host {
	addr := s.listener.Addr().(*net.TCPAddr)
	return inventory.Host{Name: "web1", Address: addr.IP.String(), Port: addr.Port, User: "root", Identity: identityFile(s.t)}
}

func (s *faulty) link(o Options) *Link {
	s.t.Helper()
	o.KnownHosts = []string{writeFile(s.t, "* "+keyText(1)+"\n[*]:* "+keyText(1))}
	return fleetOf(s.t, o).Link(s.host())
}

func privateKey(t *testing.T, n int) ssh.Signer {
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed(n)))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func identityFile(t *testing.T) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/key"
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// started answers exec and then leaves the command to itself.
func started(ch ssh.Channel, reqs <-chan *ssh.Request) {
	for r := range reqs {
		_ = r.Reply(true, nil) // the client may be gone
	}
	_ = ch.Close() // likewise
}

// ended answers exec and ends the command with status 0.
func ended(ch ssh.Channel, reqs <-chan *ssh.Request) {
	r := <-reqs
	_ = r.Reply(true, nil)
	_, _ = ch.SendRequest("exit-status", false, []byte{0, 0, 0, 0})
	_ = ch.Close()
}

var command = Command{Argv: []string{"apt-get", "update"}}

// TestMute: it accepts and never says a word. Nor does another try help, but
// there is one, since a busy host behaves the same.
func TestMute(t *testing.T) {
	s := startFaulty(t, func(net.Conn) {})
	_, err := s.link(Options{ConnectTimeout: 50 * time.Millisecond, Tries: 2}).Run(t.Context(), command)
	if !errors.Is(err, ErrUnreachable) || !strings.HasSuffix(err.Error(), "no answer within 50ms") {
		t.Errorf("Run returned %v", err)
	}
	poll(t, "two tries to be counted", func() bool { return s.accepted.Load() == 2 })
}

func TestTries(t *testing.T) {
	reset := startFaulty(t, func(c net.Conn) { _ = c.Close() })
	_, err := reset.link(Options{}).Run(t.Context(), command)
	if !errors.Is(err, ErrUnreachable) || reset.accepted.Load() != 3 {
		t.Errorf("after a broken handshake: %d tries and %v, want 3", reset.accepted.Load(), err)
	}

	refused := startFaulty(t, nil)
	l := refused.link(Options{TryAfter: time.Hour}) // a second try would not come
	if err := refused.listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = l.Run(t.Context(), command)
	if !errors.Is(err, ErrUnreachable) || !strings.HasSuffix(err.Error(), "connection refused") {
		t.Errorf("a refused connection: %v", err)
	}

	stranger := startFaulty(t, nil)
	_, err = fleetOf(t, Options{KnownHosts: []string{"/nonexistent"}, TryAfter: time.Hour}).Link(stranger.host()).Run(t.Context(), command)
	if !errors.Is(err, ErrHostKey) || stranger.accepted.Load() != 1 {
		t.Errorf("an unknown host: %d tries and %v, want 1", stranger.accepted.Load(), err)
	}
}

// TestSilence: the command hangs, and so does the host.
func TestSilence(t *testing.T) {
	s := startFaulty(t, nil)
	s.session = started
	s.mute.Store(true)
	_, err := s.link(Options{KeepAlive: 20 * time.Millisecond}).Run(t.Context(), command)
	if !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "web1: connection lost while apt-get ran: what it did is not known: no answer for") {
		t.Errorf("Run returned %v", err)
	}
}

// TestLongSilence: the command is silent for long, the host is there.
func TestLongSilence(t *testing.T) {
	const every = 300 * time.Millisecond
	s := startFaulty(t, nil)
	s.session = func(ch ssh.Channel, reqs <-chan *ssh.Request) {
		time.Sleep(6 * every) // what the test is about, not a wait for something
		ended(ch, reqs)
	}
	if _, err := s.link(Options{KeepAlive: every}).Run(t.Context(), command); err != nil {
		t.Error(err)
	}
}

// TestLost closes the connection under a command, and then calls again.
func TestLost(t *testing.T) {
	s := startFaulty(t, nil)
	var calls atomic.Int64
	s.session = func(ch ssh.Channel, reqs <-chan *ssh.Request) {
		if calls.Add(1) > 1 {
			ended(ch, reqs)
			return
		}
		r := <-reqs
		_ = r.Reply(true, nil) // the connection goes next
		_ = (<-s.conns).Close()
	}
	l := s.link(Options{})
	if _, err := l.Run(t.Context(), command); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "the host closed it") {
		t.Errorf("Run returned %v", err)
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("the command was run %d times", n)
	}
	if _, err := l.Run(t.Context(), command); err != nil {
		t.Errorf("the next call: %v", err)
	}
	_ = (<-s.conns).Close() // while it is idle
	if _, err := l.Run(t.Context(), command); err != nil {
		t.Errorf("the call after a loss while idle: %v", err)
	}
}

// TestNoStatus: the channel closes without one, as after a kill of sshd's child.
func TestNoStatus(t *testing.T) {
	s := startFaulty(t, nil)
	s.session = func(ch ssh.Channel, reqs <-chan *ssh.Request) {
		_ = (<-reqs).Reply(true, nil)
		_ = ch.Close()
	}
	if _, err := s.link(Options{}).Run(t.Context(), command); !errors.Is(err, ErrLost) {
		t.Errorf("Run returned %v", err)
	}
}

// TestCancel ends a call in each state in which the host may hang.
func TestCancel(t *testing.T) {
	errEnough := errors.New("enough")
	for _, tt := range []struct {
		name    string
		serve   func(net.Conn)
		session func(ssh.Channel, <-chan *ssh.Request)
	}{
		{name: "no banner", serve: func(net.Conn) {}},
		{name: "exec not answered", session: func(_ ssh.Channel, reqs <-chan *ssh.Request) {
			for range reqs {
			}
		}},
		{name: "command hangs", session: started},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startFaulty(t, tt.serve)
			s.session = tt.session
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() {
				<-s.conns
				cancel(errEnough)
			}()
			if _, err := s.link(Options{}).Run(ctx, command); !errors.Is(err, errEnough) {
				t.Errorf("Run returned %v", err)
			}
		})
	}
}

// TestOutputBounds: what is over the limit is drained and dropped.
func TestOutputBounds(t *testing.T) {
	for _, tt := range []struct {
		wrote, kept int
		want        error
	}{{99, 99, nil}, {100, 100, nil}, {101, 100, ErrOutput}, {5 << 20, 100, ErrOutput}} {
		s := startFaulty(t, nil)
		s.session = func(ch ssh.Channel, reqs <-chan *ssh.Request) {
			_ = (<-reqs).Reply(true, nil)
			_, _ = ch.Stderr().Write(make([]byte, tt.wrote)) // all must be taken, or this hangs
			_, _ = ch.Write(make([]byte, tt.wrote))
			_, _ = ch.SendRequest("exit-status", false, []byte{0, 0, 0, 0})
			_ = ch.Close()
		}
		out, err := s.link(Options{MaxOutput: 100}).Run(t.Context(), command)
		if !errors.Is(err, tt.want) || len(out.Stdout) != tt.kept || len(out.Stderr) != tt.kept {
			t.Errorf("of %d bytes %d and %d were kept, with %v", tt.wrote, len(out.Stdout), len(out.Stderr), err)
		}
	}
}

// brokenReader gives a little and then fails.
type brokenReader struct{ given bool }

func (b *brokenReader) Read(p []byte) (int, error) {
	if b.given {
		return 0, errors.New("the disk broke")
	}
	b.given = true
	return copy(p, "half"), nil
}

func TestBrokenStdin(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	l := fleetOf(t, Options{KnownHosts: []string{s.known("ed25519")}}).Link(s.host())
	_, err := l.Run(t.Context(), Command{Argv: []string{"cat"}, Stdin: &brokenReader{}})
	if err == nil || err.Error() != "web1: cannot run cat: cannot read its input: the disk broke" {
		t.Errorf("Run returned %v", err)
	}
}
