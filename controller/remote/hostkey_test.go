package remote

import (
	"errors"
	"fmt"
	"os"

	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// reach runs true on the server with the known_hosts file given.
func (s *sshd) reach(known string, change ...func(*Options)) error {
	s.t.Helper()
	o := Options{KnownHosts: []string{known}}
	for _, c := range change {
		c(&o)
	}
	_, err := fleetOf(s.t, o).Link(s.host()).Run(s.t.Context(), Command{Argv: []string{"true"}})
	return err
}

func acceptNew(o *Options) { o.AcceptNew = true }

func TestHostKeys(t *testing.T) {
	s := startSSHD(t, []string{"ed25519", "ecdsa", "rsa"})
	name := fmt.Sprintf("[%s]:%d", s.address, s.port)
	s.key("other", "ed25519")
	s.key("otherrsa", "rsa")
	key := func(file string) string { return s.read(file + ".pub") }
	for _, tt := range []struct {
		name, lines string
		hash        bool
		want        string // part of the error, "" for none
	}{
		{name: "ed25519 known", lines: name + " " + key("host_ed25519")},
		{name: "only ecdsa known", lines: name + " " + key("host_ecdsa")},
		{name: "only rsa known", lines: name + " " + key("host_rsa")},
		{name: "hashed", lines: name + " " + key("host_ed25519"), hash: true},
		{name: "hashed, only rsa known", lines: name + " " + key("host_rsa"), hash: true},
		{name: "known without the port, as ssh has it", lines: s.address + " " + key("host_ed25519")},
		{name: "only rsa known without the port", lines: s.address + " " + key("host_rsa")},
		{name: "known by the host's name", lines: fmt.Sprintf("[web1]:%d ", s.port) + key("host_ed25519")},
		{name: "a pattern", lines: fmt.Sprintf("[127.*]:%d ", s.port) + key("host_ed25519")},
		{name: "one of two keys is right", lines: name + " " + key("other") + name + " " + key("host_ed25519")},
		{name: "another type is right", lines: name + " " + key("otherrsa") + name + " " + key("host_ed25519")},

		{name: "excluded by a pattern", lines: fmt.Sprintf("[127.*]:%d,!%s ", s.port, name) + key("host_ed25519"), want: "it shows the ssh-ed25519 key SHA256:"},
		{name: "unknown", lines: "", want: "web1: cannot log in: it shows the ssh-ed25519 key SHA256:"},
		{name: "changed", lines: "\n" + name + " " + key("other"), want: "web1: cannot log in: host key changed: known_hosts line FILE:2 has another ed25519 key"},
		{name: "changed, hashed", lines: name + " " + key("other"), hash: true, want: "known_hosts line FILE:1 has another ed25519 key"},
		{name: "changed, of the only type known", lines: name + " " + key("otherrsa"), want: "known_hosts line FILE:1 has another rsa key"},
		{name: "revoked", lines: "@revoked * " + key("host_ed25519") + name + " " + key("host_ed25519"), want: "host key is revoked: known_hosts line FILE:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := writeFile(t, tt.lines)
			if tt.hash {
				hashFile(t, file)
			}
			s.t = t
			err := s.reach(file)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if want := strings.ReplaceAll(tt.want, "FILE", file); !errors.Is(err, ErrHostKey) || !strings.Contains(err.Error(), want) {
				t.Errorf("Run returned %v, want %s", err, want)
			}
		})
	}
}

// TestLostKeyType: the type that known_hosts has is one that the host gave up.
func TestLostKeyType(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	s.key("gone", "rsa")
	for _, hash := range []bool{false, true} {
		file := writeFile(t, fmt.Sprintf("[%s]:%d %s", s.address, s.port, s.read("gone.pub")))
		if hash {
			hashFile(t, file)
		}
		if err := s.reach(file); !errors.Is(err, ErrHostKey) || !strings.Contains(err.Error(), file+":1 has its rsa key, and the host no longer has one") {
			t.Errorf("hashed %v: Run returned %v", hash, err)
		}
	}
}

func TestHostKeyAlias(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	h := s.host()
	h.HostKeyAlias = "cluster"
	h.KnownHosts = []string{writeFile(t, "cluster "+s.read("host_ed25519.pub"))}
	if _, err := fleetOf(t, Options{}).Link(h).Run(t.Context(), Command{Argv: []string{"true"}}); err != nil {
		t.Error(err)
	}
}

func TestAcceptNew(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	file := filepath.Join(t.TempDir(), "new", "known_hosts")
	if err := s.reach(file, acceptNew); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("[%s]:%d", s.address, s.port)
	if out := run(t, "ssh-keygen", "-F", name, "-f", file); !strings.Contains(out, "ssh-ed25519") {
		t.Errorf("ssh-keygen -F does not find what was recorded: %s", out)
	}
	if err := s.reach(file); err != nil {
		t.Errorf("what was recorded is not trusted: %v", err)
	}
	s.hostKey("ed25519")
	s.restart()
	if err := s.reach(file, acceptNew); !errors.Is(err, ErrHostKey) || !strings.Contains(err.Error(), "host key changed") {
		t.Errorf("a changed key with AcceptNew: %v", err)
	}
}

// TestRecordConcurrently lets several indexes, as several processes have them,
// record the same and different hosts at once, in a file whose last line has no
// end.
func TestRecordConcurrently(t *testing.T) {
	file := writeFile(t, "first "+keyText(1000))
	var wg sync.WaitGroup
	for range 4 {
		k, err := loadKnownHosts([]string{file})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for n := range 50 {
				check := hostKeyCheck{known: k, names: namesOf(22, fmt.Sprintf("web%d", n)), accept: true}
				if err := check.check("", nil, publicKey(n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"); len(lines) != 51 {
		t.Errorf("the file has %d lines, want 51:\n%s", len(lines), data)
	}
}

// TestRecordConflict: another process has trusted another key meanwhile.
func TestRecordConflict(t *testing.T) {
	file := writeFile(t, "")
	k, err := loadKnownHosts([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("web1 "+keyText(1)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = hostKeyCheck{known: k, names: namesOf(22, "web1"), accept: true}.check("", nil, publicKey(2))
	if !errors.Is(err, ErrHostKey) || !strings.Contains(err.Error(), file+":1 has another ed25519 key") {
		t.Errorf("check returned %v", err)
	}
}

func TestHostCertificate(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	s.key("ca", "ed25519")
	s.key("stranger", "ed25519")
	ca, stranger := "@cert-authority * "+s.read("ca.pub"), "@cert-authority * "+s.read("stranger.pub")
	plain := fmt.Sprintf("[%s]:%d %s", s.address, s.port, s.read("host_ed25519.pub"))
	for _, tt := range []struct {
		name  string
		sign  []string // arguments of ssh-keygen -s
		known string
		want  string
	}{
		{"good", []string{"-n", "127.0.0.1", "-h"}, ca, ""},
		{"good for its name", []string{"-n", "web1", "-h"}, ca, ""},
		{"not its name", []string{"-n", "web2", "-h"}, ca, `host certificate "web" is not valid for it`},
		{"expired", []string{"-n", "web1", "-h", "-V", "20200101:20210101"}, ca, `host certificate "web" is not valid for it`},
		{"unknown authority, known key", []string{"-n", "web1", "-h"}, stranger + plain, ""},
		{"unknown authority, unknown key", []string{"-n", "web1", "-h"}, stranger, "it shows the ssh-ed25519 key"},
		{"revoked authority", []string{"-n", "web1", "-h"}, ca + "@revoked * " + s.read("ca.pub"), "host key is revoked"},
		{"authority for other hosts", []string{"-n", "web1", "-h"}, strings.Replace(ca, "*", "db*", 1), "it shows the ssh-ed25519 key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			run(t, "ssh-keygen", append(append([]string{"-q", "-s", s.path("ca"), "-I", "web"}, tt.sign...), s.path("host_ed25519.pub"))...)
			s.restart()
			err := s.reach(writeFile(t, tt.known))
			if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, ErrHostKey) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Run returned %v, want %q", err, tt.want)
			}
		})
	}
}
