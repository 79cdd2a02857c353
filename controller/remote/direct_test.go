package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// echo answers one connection after the other, on loopback.
func echo(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			answer(c)
			_ = c.Close() // the other side may be gone
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func TestDial(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	l := fleetOf(t, Options{KnownHosts: []string{s.known("ed25519")}, Live: 1}).Link(s.host())
	address := echo(t)
	ask := func() {
		t.Helper()
		c, err := l.Dial(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "hello\n"); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); err != nil || string(got) != "you said hello\n" {
			t.Errorf("through the host came %q, %v", got, err)
		}
		if err := c.Close(); err != nil && !errors.Is(err, io.EOF) { // EOF: the host closed it first
			t.Error(err)
		}
	}
	ask()
	s.dropConnections()
	ask() // on a new connection
	other := l.fleet.Link(s.host())
	if _, err := other.Shell(t.Context(), "true"); err != nil { // needs the one place that Close gave back
		t.Error(err)
	}
}

func TestDialRefused(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	f := fleetOf(t, Options{KnownHosts: []string{s.known("ed25519")}})
	l := f.Link(s.host())
	_, err := l.Dial(t.Context(), "tcp", "127.0.0.1:1")
	if !errors.Is(err, syscall.ECONNREFUSED) || err.Error() != "web1: cannot connect to 127.0.0.1:1: the host cannot connect there: connection refused" {
		t.Errorf("where nobody listens, Dial returned %v", err)
	}
	if _, err := l.Dial(t.Context(), "unix", "/run/x"); err == nil {
		t.Error("Dial took a network that it has no way for")
	}
	strict := startSSHD(t, []string{"ed25519"}, "AllowTcpForwarding no")
	l = fleetOf(t, Options{KnownHosts: []string{strict.known("ed25519")}}).Link(strict.host())
	if _, err := l.Dial(t.Context(), "tcp", "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "the host does not forward there") {
		t.Errorf("where forwards are forbidden, Dial returned %v", err)
	}
}

// TestDialMute: the host froze, and whoever dials goes by their own time.
func TestDialMute(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	l := fleetOf(t, Options{KnownHosts: []string{s.known("ed25519")}}).Link(s.host())
	if _, err := l.Shell(t.Context(), "true"); err != nil {
		t.Fatal(err)
	}
	frozen := s.signalChildren(syscall.SIGSTOP)
	defer func() {
		for _, pid := range frozen {
			_ = syscall.Kill(pid, syscall.SIGKILL) // may be gone
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := l.Dial(ctx, "tcp", echo(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Dial returned %v", err)
	}
}
