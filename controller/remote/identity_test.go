package remote

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/inventory"
)

// startAgent starts a real ssh-agent with the keys in files.
func startAgent(t *testing.T, files ...string) (socket string) {
	t.Helper()
	socket = t.TempDir() + "/agent"
	cmd := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // may have ended
		_ = cmd.Wait()         // of course it was killed
	})
	poll(t, "ssh-agent to listen", func() bool { // its socket is there a moment before that
		conn, err := net.Dial("unix", socket)
		if err == nil {
			_ = conn.Close() // nothing was asked
		}
		return err == nil
	})
	for _, file := range files {
		add := exec.Command("ssh-add", "-q", file)
		add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket, "SSH_ASKPASS=/bin/echo", "SSH_ASKPASS_REQUIRE=force")
		if out, err := add.CombinedOutput(); err != nil {
			t.Fatalf("ssh-add: %v\n%s", err, out)
		}
	}
	return socket
}

// login runs true as h on a new fleet.
func (s *sshd) login(h inventory.Host, o Options) error {
	s.t.Helper()
	o.KnownHosts = []string{s.known("ed25519")}
	_, err := fleetOf(s.t, o).Link(h).Run(s.t.Context(), Command{Argv: []string{"true"}})
	return err
}

func TestIdentities(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	good := s.path("client")
	bad := s.key("bad", "ed25519")
	locked := s.key("locked", "ed25519")
	run(t, "ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", locked)
	var many []string
	for _, name := range []string{"k1", "k2", "k3", "k4", "k5"} {
		many = append(many, s.key(name, "ed25519"))
	}
	rsa := s.key("rsa", "rsa")
	s.write("authorized_keys", s.read("client.pub")+s.read("rsa.pub"))
	s.write("damaged", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
	t.Setenv("HOME", t.TempDir())

	for _, tt := range []struct {
		name, identity string
		sshConfig      []string // the IdentityFiles there
		options        Options
		want           string // pattern of the error
	}{
		{name: "a file", identity: good},
		{name: "an RSA file", identity: rsa},
		{name: "a configured file", options: Options{Identity: []string{good}}},
		{name: "the second", identity: bad, options: Options{Identity: []string{good}}},
		{name: "the agent", options: Options{Agent: startAgent(t, bad, rsa)}},
		{name: "the host's own before a full agent", identity: good, options: Options{Agent: startAgent(t, many...)}},
		{name: "the sixth is not offered", options: Options{Agent: startAgent(t, append(many, good)...)}, want: `1 keys were left out`},

		{name: "the second of ssh_config", sshConfig: []string{bad, good}},
		{name: "one of ssh_config behind what ssh passes over", sshConfig: []string{"/nonexistent/key", s.path("damaged"), locked, good}},
		{name: "the agent behind one of ssh_config that is not there", sshConfig: []string{"/nonexistent/key"}, options: Options{Agent: startAgent(t, rsa)}},
		{name: "a public key in ssh_config, the private one in the agent", sshConfig: []string{good + ".pub"}, options: Options{Agent: startAgent(t, append(many, good)...)}},
		{name: "a public key, the private one in the agent", identity: good + ".pub", options: Options{Agent: startAgent(t, append(many, good)...)}},

		{name: "only one of ssh_config that is not there", sshConfig: []string{"/nonexistent/key"}, want: `there is no key: .* \(/nonexistent/key: open /nonexistent/key: no such file`},
		{name: "a public key and no agent", identity: good + ".pub", want: `client\.pub: it is a public key, and the ssh-agent does not have the private one`},
		{name: "a wrong one", identity: bad, want: `^web1: cannot log in as \S+: the host takes none of our keys \(ed25519 SHA256:\S+\); add one to`},
		{name: "none", want: `^web1: cannot log in: there is no key: name one with identity, or start an ssh-agent`},
		{name: "a missing file", identity: "/nonexistent/key", want: `^web1: cannot use the key /nonexistent/key: open /nonexistent/key: no such file`},
		{name: "a damaged file", identity: s.path("damaged"), want: `^web1: cannot use the key \S+/damaged: `},
		{name: "a passphrase", identity: locked, want: `locked: it is protected by a passphrase and not in the agent: run "ssh-add \S+/locked" first`},
		{name: "no agent there", options: Options{Agent: "/nonexistent/agent"}, want: `cannot reach the ssh-agent: dial unix /nonexistent/agent`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			h := s.host()
			h.Identity, h.Identities = tt.identity, tt.sshConfig
			err := s.login(h, tt.options)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, ErrAuth) || !regexp.MustCompile(tt.want).MatchString(err.Error()) {
				t.Errorf("Run returned %v, want %s", err, tt.want)
			}
		})
	}
}

func TestKeysNotTaken(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"}, "PubkeyAuthentication no", "HostbasedAuthentication yes")
	if err := s.login(s.host(), Options{}); !errors.Is(err, ErrAuth) || !strings.Contains(err.Error(), "the host takes no keys, only hostbased") {
		t.Errorf("Run returned %v", err)
	}
}

// TestPassphraseInAgent: the file can't be opened, but the agent has the key.
func TestPassphraseInAgent(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	h := s.host()
	socket := startAgent(t, h.Identity)
	run(t, "ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", h.Identity)
	if err := s.login(h, Options{Agent: socket}); err != nil {
		t.Error(err)
	}
}

func TestDefaultIdentity(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.Mkdir(home+"/.ssh", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.path("client"), home+"/.ssh/id_ed25519"); err != nil {
		t.Fatal(err)
	}
	h := s.host()
	h.Identity = ""
	if err := s.login(h, Options{}); err != nil {
		t.Error(err)
	}
}

// TestUserCertificate: the host trusts the authority and not the key.
func TestUserCertificate(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	s.key("ca", "ed25519")
	s.options = append(s.options, "TrustedUserCAKeys "+s.path("ca.pub"))
	s.write("authorized_keys", "")
	s.restart()
	h := s.host()
	if err := s.login(h, Options{}); !errors.Is(err, ErrAuth) {
		t.Fatalf("without a certificate: %v", err)
	}
	run(t, "ssh-keygen", "-q", "-s", s.path("ca"), "-I", "me", "-n", h.User, s.path("client.pub"))
	if err := s.login(h, Options{}); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
	socket := startAgent(t, s.path("client")) // which takes the certificate too
	h.Identity = ""
	if err := s.login(h, Options{Agent: socket}); err != nil {
		t.Errorf("with a certificate in the agent: %v", err)
	}
	s.write("client-cert.pub", strings.Repeat("x", 10))
	h = s.host()
	if err := s.login(h, Options{}); !errors.Is(err, ErrAuth) || !strings.Contains(err.Error(), "client-cert.pub: ") {
		t.Errorf("with a damaged certificate: %v", err)
	}
}
