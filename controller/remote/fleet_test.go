package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/aptfleet/aptfleet/inventory"
)

// TestManyAtOnce runs more commands on one link than sshd allows sessions.
func TestManyAtOnce(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"}, fmt.Sprintf("MaxSessions %d", maxSessions))
	l := fleetOf(t, Options{KnownHosts: []string{s.known("ed25519")}}).Link(s.host())
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if out, err := l.Shell(t.Context(), `sleep 0.01; echo "$1"`, fmt.Sprint(i)); err != nil || string(out) != fmt.Sprintln(i) {
				t.Errorf("Shell returned %q, %v", out, err)
			}
		})
	}
	wg.Wait()
}

// TestLiveLimit: more links than may be connected, used in turns as the steps
// of a rollout do, and never closed.
func TestLiveLimit(t *testing.T) {
	s := startFaulty(t, nil)
	var now, most atomic.Int64
	s.session = func(ch ssh.Channel, reqs <-chan *ssh.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		ended(ch, reqs)
		now.Add(-1)
	}
	first := s.link(Options{Live: 3, Handshakes: 2})
	links := []*Link{first}
	for range 9 {
		links = append(links, first.fleet.Link(s.host()))
	}
	for range 3 {
		var wg sync.WaitGroup
		for _, l := range links {
			wg.Go(func() {
				if _, err := l.Run(t.Context(), command); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	if n := most.Load(); n > 3 {
		t.Errorf("%d sessions were open at once, want at most 3", n)
	}
	poll(t, "at most 3 connections to be left", func() bool { return len(first.fleet.all()) <= 3 })
	for _, l := range links {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	poll(t, "all places to be free", func() bool {
		v := &first.fleet.pool
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.free == 3 && v.idle.Len() == 0
	})
}

// TestEndedConnectionsAreForgotten: a link keeps nothing of a connection that has
// made room, since there may be ten thousand links.
func TestEndedConnectionsAreForgotten(t *testing.T) {
	s := startFaulty(t, nil)
	s.session = ended
	first := s.link(Options{})
	first.fleet.pool.maxIdle = 2
	links := []*Link{first}
	for range 5 {
		links = append(links, first.fleet.Link(s.host()))
	}
	for _, l := range links {
		if _, err := l.Run(t.Context(), command); err != nil {
			t.Fatal(err)
		}
	}
	poll(t, "only two links to have a connection", func() bool {
		held := 0
		for _, l := range links {
			l.mu.Lock()
			if l.conn != nil {
				held++
			}
			l.mu.Unlock()
		}
		return held == 2 && len(first.fleet.all()) == 2
	})
	if _, err := first.Run(t.Context(), command); err != nil {
		t.Errorf("on a link whose connection made room: %v", err)
	}
}

// TestLiveLimitCancel: whoever gives up waiting does not take the place along.
func TestLiveLimitCancel(t *testing.T) {
	s := startFaulty(t, nil)
	s.session = started
	a := s.link(Options{Live: 1})
	busy, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = a.Run(busy, command) }) // ends with its cancellation
	<-s.conns
	ctx, cancel := context.WithCancel(t.Context())
	b := a.fleet.Link(s.host())
	wg.Go(func() {
		if _, err := b.Run(ctx, command); !errors.Is(err, ErrUnreachable) || !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled wait for a place: %v", err)
		}
	})
	v := &a.fleet.pool
	poll(t, "one to wait for a place", func() bool { v.mu.Lock(); defer v.mu.Unlock(); return v.waiting.Len() == 1 })
	cancel()
	poll(t, "it to give up", func() bool { v.mu.Lock(); defer v.mu.Unlock(); return v.waiting.Len() == 0 })
	stop()
	wg.Wait()
	s.session = ended
	if _, err := b.Run(t.Context(), command); err != nil {
		t.Errorf("after the place became free: %v", err)
	}
}

func TestJump(t *testing.T) {
	behind := startSSHD(t, []string{"ed25519"})
	bastion := startSSHD(t, []string{"ed25519"}, "MaxSessions 0", "MaxStartups 2") // one is for the test's own look whether it is up
	behind.options = append(behind.options, "MaxStartups 100", fmt.Sprintf("Banner %s", behind.write("banner", "hello\n")))
	behind.restart()
	known := behind.write("known_hosts", strings.Join([]string{
		fmt.Sprintf("[127.0.0.1]:%d %s", behind.port, behind.read("host_ed25519.pub")),
		fmt.Sprintf("[localhost]:%d %s", bastion.port, bastion.read("host_ed25519.pub")),
	}, ""))
	bastion.write("authorized_keys", bastion.read("client.pub")+behind.read("client.pub"))
	f := fleetOf(t, Options{KnownHosts: []string{known}})
	h := behind.host()
	h.Jump = fmt.Sprintf("%s@localhost:%d", h.User, bastion.port)
	logins := func() int { return strings.Count(bastion.read("log"), "Accepted publickey") }

	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			l := f.Link(h)
			if out, err := l.Shell(t.Context(), `echo "${SSH_CONNECTION##* }"`); err != nil || string(out) != fmt.Sprintln(behind.port) {
				t.Errorf("Shell returned %q, %v", out, err)
			}
		})
	}
	wg.Wait()
	if n := logins(); n != 1 {
		t.Errorf("%d connections to the bastion for 20 hosts, want 1", n)
	}

	bastion.dropConnections()
	if _, err := f.Link(h).Shell(t.Context(), "true"); err != nil {
		t.Errorf("after the bastion's connection was lost: %v", err)
	}
	if n := logins(); n != 2 {
		t.Errorf("%d connections to the bastion after one loss, want 2", n)
	}

	h.Jump = fmt.Sprintf("localhost:%d,localhost:%d", bastion.port, bastion.port)
	if _, err := f.Link(h).Shell(t.Context(), "true"); err != nil {
		t.Errorf("through two hops: %v", err)
	}
}

func TestJumpRefused(t *testing.T) {
	behind := startSSHD(t, []string{"ed25519"})
	bastion := startSSHD(t, []string{"ed25519"}, "AllowTcpForwarding no")
	bastion.write("authorized_keys", behind.read("client.pub"))
	known := behind.write("known_hosts", fmt.Sprintf("[127.0.0.1]:%d %s", bastion.port, bastion.read("host_ed25519.pub")))
	f := fleetOf(t, Options{KnownHosts: []string{known}})
	for _, tt := range []struct {
		jump string
		kind error
		want string
	}{
		{fmt.Sprintf("127.0.0.1:%d", bastion.port), ErrUnreachable, "the bastion 127.0.0.1:%d does not forward there (AllowTcpForwarding, PermitOpen)"},
		{fmt.Sprintf("127.0.0.2:%d", bastion.port), ErrUnreachable, "web1: cannot pass through 127.0.0.2: cannot connect to 127.0.0.2:%d: connection refused"},
		{fmt.Sprintf("localhost:%d", bastion.port), ErrHostKey, "web1: cannot pass through localhost: cannot log in: it shows the ssh-ed25519 key"},
		{"@localhost", ErrUnreachable, `web1: cannot find the way: jump "@localhost": no user before the @`},
	} {
		h := behind.host()
		h.Jump = tt.jump
		_, err := f.Link(h).Run(t.Context(), command)
		if want := strings.ReplaceAll(tt.want, "%d", fmt.Sprint(bastion.port)); !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), want) {
			t.Errorf("through %s: %v, want %s", tt.jump, err, want)
		}
	}
}

func TestRoute(t *testing.T) {
	jumps := map[inventory.HostName]string{"a": "b", "b": "c", "x": "y", "y": "x", "self": "self"}
	f := fleetOf(t, Options{Resolve: func(h inventory.Host) (inventory.Host, error) {
		h.Jump = jumps[h.Name]
		return h, nil
	}})
	for _, tt := range []struct{ host, jump, want string }{
		{"web1", "", ""},
		{"web1", "none", ""},
		{"web1", "d,e", "d e"},
		{"web1", "a,d", "c b a d"},
		{"web1", "self", "self"},
		{"self", "self", ""},
		{"e", "e:2222", "e"},
		{"d", "a,d,e", "c b a"},
	} {
		via, err := f.route(inventory.Host{Name: inventory.HostName(tt.host), User: "me", Jump: tt.jump}, 0)
		var names []string
		for _, h := range via {
			names = append(names, string(h.Name))
			if h.User != "me" {
				t.Errorf("%s is passed as %q", h.Name, h.User)
			}
		}
		if got := strings.Join(names, " "); err != nil || got != tt.want {
			t.Errorf("the way to %s by %s is %q, %v; want %q", tt.host, tt.jump, got, err, tt.want)
		}
	}
	if _, err := f.route(inventory.Host{Name: "web1", Jump: "x"}, 0); err == nil || !strings.Contains(err.Error(), "a ring") {
		t.Errorf("a ring returned %v", err)
	}
}

func TestParseHop(t *testing.T) {
	for _, tt := range []struct {
		spec string
		want inventory.Host
	}{
		{"bastion", inventory.Host{Name: "bastion"}},
		{" bastion.example.com ", inventory.Host{Name: "bastion.example.com"}},
		{"me@bastion:2222", inventory.Host{Name: "bastion", User: "me", Port: 2222}},
		{"me@corp@bastion", inventory.Host{Name: "bastion", User: "me@corp"}},
		{"[2001:db8::1]:22", inventory.Host{Name: "2001:db8::1", Port: 22}},
		{"2001:db8::1", inventory.Host{Name: "2001:db8::1"}},
		{"[2001:db8::1]", inventory.Host{Name: "2001:db8::1"}},
	} {
		if h, err := parseHop(tt.spec); err != nil || h.Name != tt.want.Name || h.User != tt.want.User || h.Port != tt.want.Port {
			t.Errorf("parseHop(%q) returned %+v, %v", tt.spec, h, err)
		}
	}
	for _, spec := range []string{"", "@b", "me@", "b:0", "b:65536", "b:x", "b:", "a b", "ssh://b", "[b"} {
		if h, err := parseHop(spec); err == nil {
			t.Errorf("parseHop(%q) took it for %q", spec, h.Name)
		}
	}
}

// TestClosedBehind: sshd of the host behind is down, which the bastion knows.
func TestClosedBehind(t *testing.T) {
	bastion := startSSHD(t, []string{"ed25519"})
	f := fleetOf(t, Options{KnownHosts: []string{bastion.known("ed25519")}, TryAfter: 1 << 40})
	h := bastion.host()
	h.Jump, h.Address, h.Port = fmt.Sprintf("127.0.0.1:%d", h.Port), "127.0.0.3", 1
	if _, err := f.Link(h).Run(t.Context(), command); !errors.Is(err, ErrUnreachable) || !strings.HasSuffix(err.Error(), "cannot connect there: connection refused") {
		t.Errorf("Run returned %v", err)
	}
}

// TestClosedFleet: nothing connects any more, and what connects at the moment
// of the end does not stay.
func TestClosedFleet(t *testing.T) {
	s := startFaulty(t, nil)
	s.session = ended
	l := s.link(Options{})
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := l.fleet.Link(s.host()).Run(t.Context(), command); err != nil && !errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrLost) {
				t.Errorf("Run at the end returned %v", err)
			}
		})
	}
	<-s.conns
	if err := l.fleet.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if _, err := l.Run(t.Context(), command); !errors.Is(err, ErrUnreachable) || !strings.HasSuffix(err.Error(), "closed") {
		t.Errorf("Run after the end returned %v", err)
	}
	if n := len(l.fleet.all()); n != 0 {
		t.Errorf("%d connections stay", n)
	}
}

func FuzzParseHop(f *testing.F) {
	for _, spec := range []string{"bastion", "me@bastion:2222", "[2001:db8::1]:22", "a@b@c", "[", ":", "x:99999"} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		h, err := parseHop(spec)
		if err == nil && (h.Name == "" || h.Port < 0 || h.Port > 65535 || strings.ContainsAny(string(h.Name), "[]/ ")) {
			t.Errorf("parseHop(%q) took it for %+v", spec, h)
		}
	})
}

// TestMuteBastion: the way is open and nobody answers any more.
func TestMuteBastion(t *testing.T) {
	s := startFaulty(t, nil)
	s.mute.Store(true)
	s.session = func(ssh.Channel, <-chan *ssh.Request) {} // takes the channel through it and is silent
	l := s.link(Options{ConnectTimeout: 1 << 30, KeepAlive: 1 << 24})
	h := s.host()
	h.Jump = fmt.Sprintf("%s:%d", h.Address, h.Port)
	h.Address = "192.0.2.1"
	if _, err := l.fleet.Link(h).Run(t.Context(), command); !errors.Is(err, ErrUnreachable) {
		t.Errorf("Run returned %v", err)
	}
}
