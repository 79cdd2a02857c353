package remote

import (
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// curl is what a program on the host gets from a port there, read by bash.
const curl = `bash -c 'exec 3<>/dev/tcp/127.0.0.1/$1 && echo hello >&3 && cat <&3' bash "$1"`

func answer(c net.Conn) {
	buf := make([]byte, 6)
	if _, err := io.ReadFull(c, buf); err == nil {
		_, _ = io.WriteString(c, "you said "+string(buf)) // the host may be gone
	}
}

func TestForward(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	l := fleetOf(t, Options{KnownHosts: []string{s.known("ed25519")}}).Link(s.host())
	f, err := l.Forward(t.Context(), answer)
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(f.Port())
	get := func() string {
		t.Helper()
		out, err := l.Shell(t.Context(), curl, port)
		if err != nil {
			t.Error(err)
		}
		return string(out)
	}
	if got := get(); got != "you said hello\n" {
		t.Errorf("through the forward came %q", got)
	}
	s.dropConnections()
	poll(t, "the forward to notice", func() bool { return f.Err() != nil })
	if got := get(); got != "you said hello\n" || f.Err() != nil {
		t.Errorf("after a new connection came %q, %v", got, f.Err())
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if out, err := l.Shell(t.Context(), curl, port); err == nil {
		t.Errorf("after Close came %q", out)
	}
}

// TestForwardHeld: the link froze, and the sshd behind the lost connection still
// holds the port when the new one asks for it.
func TestForwardHeld(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	l := fleetOf(t, Options{KnownHosts: []string{s.known("ed25519")}, KeepAlive: time.Second}).Link(s.host())
	f, err := l.Forward(t.Context(), answer)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	frozen := s.signalChildren(syscall.SIGSTOP)
	poll(t, "the forward to notice", func() bool { return f.Err() != nil })
	if _, err := l.Shell(t.Context(), "true"); err != nil {
		t.Errorf("on a new connection: %v", err)
	}
	if err := f.Err(); err == nil || !strings.Contains(err.Error(), "the host does not give port") {
		t.Errorf("while the port is held, Err returned %v", err)
	}
	for _, pid := range frozen {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	poll(t, "the forward to work again", func() bool {
		out, err := l.Shell(t.Context(), curl, fmt.Sprint(f.Port()))
		return err == nil && string(out) == "you said hello\n"
	})
	if err := f.Err(); err != nil {
		t.Error(err)
	}
}

func TestForwardRefused(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"}, "AllowTcpForwarding no")
	l := fleetOf(t, Options{KnownHosts: []string{s.known("ed25519")}}).Link(s.host())
	if _, err := l.Forward(t.Context(), answer); err == nil || !strings.HasPrefix(err.Error(), "web1: cannot open a forward: the host does not allow it") {
		t.Errorf("Forward returned %v", err)
	}
}
