package remote

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
)

// sshd is a real OpenSSH server on a loopback address.
type sshd struct {
	t       *testing.T
	dir     string
	address string
	port    int
	options []string
	cmd     *exec.Cmd
	log     string
}

// startSSHD starts a server with lines of sshd_config after the usual ones. Its
// host keys are dir/host_TYPE, of the types given.
func startSSHD(t *testing.T, types []string, options ...string) *sshd {
	t.Helper()
	if _, err := os.Stat("/usr/sbin/sshd"); err != nil {
		t.Skip("needs OpenSSH's server: apt-get install openssh-server")
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil && os.Getuid() == 0 {
		t.Fatal(err)
	}
	s := &sshd{t: t, dir: t.TempDir(), address: "127.0.0.1"}
	for _, typ := range types {
		s.hostKey(typ)
	}
	s.key("client", "ed25519")
	s.write("authorized_keys", s.read("client.pub"))
	s.options = options
	s.start()
	return s
}

func (s *sshd) path(name string) string { return filepath.Join(s.dir, name) }

func (s *sshd) read(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

func (s *sshd) write(name, text string) string {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return s.path(name)
}

// key makes a key pair anew, with what ssh-keygen is told besides.
func (s *sshd) key(name, typ string, more ...string) string {
	s.t.Helper()
	_ = os.Remove(s.path(name)) // may not exist
	run(s.t, "ssh-keygen", append([]string{"-q", "-t", typ, "-N", "", "-C", name, "-f", s.path(name)}, more...)...)
	return s.path(name)
}

func (s *sshd) hostKey(typ string) string { return s.key("host_"+typ, typ) }

func (s *sshd) start() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.address+":0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.restart()
}

// restart starts the server on its port, with the host keys that are there.
func (s *sshd) restart() {
	s.t.Helper()
	s.stop()
	lines := append([]string{
		fmt.Sprintf("ListenAddress %s:%d", s.address, s.port), "PidFile none", "UsePAM no", "StrictModes no", "PermitRootLogin yes",
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "AuthorizedKeysFile " + s.path("authorized_keys"),
	}, s.options...)
	keys, err := filepath.Glob(s.path("host_*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, key := range keys {
		switch {
		case strings.HasSuffix(key, "-cert.pub"):
			lines = append(lines, "HostCertificate "+key)
		case !strings.HasSuffix(key, ".pub"):
			lines = append(lines, "HostKey "+key)
		}
	}
	s.log = s.path("log")
	s.cmd = exec.Command("/usr/sbin/sshd", "-D", "-f", s.write("sshd_config", strings.Join(lines, "\n")+"\n"), "-E", s.log)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(s.stop)
	s.waitReady()
}

func (s *sshd) waitReady() {
	s.t.Helper()
	poll(s.t, "sshd to listen", func() bool {
		c, err := net.Dial("tcp", net.JoinHostPort(s.address, strconv.Itoa(s.port)))
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
}

func (s *sshd) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // may have ended
	_ = s.cmd.Wait()         // of course it was killed
	s.cmd = nil
}

// host returns the server as a host of an inventory.
func (s *sshd) host() inventory.Host {
	me, err := user.Current()
	if err != nil {
		s.t.Fatal(err)
	}
	return inventory.Host{Name: "web1", Address: s.address, Port: s.port, User: me.Username, Identity: s.path("client"), Become: "none"}
}

// known returns a known_hosts file with the server's keys of the types given.
func (s *sshd) known(types ...string) string {
	var b strings.Builder
	for _, typ := range types {
		fmt.Fprintf(&b, "[%s]:%d %s", s.address, s.port, s.read("host_"+typ+".pub"))
	}
	return s.write("known_hosts", b.String())
}

// fleetOf returns a fleet for tests: no agent, no waiting between tries.
func fleetOf(t *testing.T, o Options) *Fleet {
	t.Helper()
	def(&o.Agent, "none")
	def(&o.TryAfter, time.Millisecond)
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(nil)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// poll waits until ok, at most half a minute.
func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// signalChildren signals the server's children, one of which is each
// connection, and returns them.
func (s *sshd) signalChildren(signal syscall.Signal) []int {
	s.t.Helper()
	var pids []int
	for _, word := range strings.Fields(run(s.t, "pgrep", "-P", strconv.Itoa(s.cmd.Process.Pid))) {
		pid, err := strconv.Atoi(word)
		if err == nil {
			err = syscall.Kill(pid, signal)
		}
		if err != nil {
			s.t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// dropConnections kills the server's children and waits until they are gone.
func (s *sshd) dropConnections() {
	s.t.Helper()
	s.signalChildren(syscall.SIGKILL)
	poll(s.t, "the connections to be gone", func() bool {
		return exec.Command("pgrep", "-P", strconv.Itoa(s.cmd.Process.Pid)).Run() != nil
	})
}
