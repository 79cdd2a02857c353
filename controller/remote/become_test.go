package remote

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// asNobody lets the server run commands as nobody, who may not use sudo.
func asNobody(t *testing.T) string {
	if os.Getuid() != 0 {
		t.Skip("needs root to become nobody")
	}
	if _, err := exec.LookPath("sudo"); err != nil {
		t.Skip("needs sudo: apt-get install sudo")
	}
	return `ForceCommand exec setpriv --reuid=65534 --regid=65534 --clear-groups -- sh -c "$SSH_ORIGINAL_COMMAND"`
}

func TestSudoRefused(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"}, asNobody(t))
	h := s.host()
	h.Become = "sudo"
	l := fleetOf(t, Options{KnownHosts: []string{s.known("ed25519")}}).Link(h)
	_, err := l.Shell(t.Context(), "id")
	if !errors.Is(err, ErrBecome) || !strings.HasPrefix(err.Error(), "web1: cannot become root with sudo: sudo: ") ||
		!strings.HasSuffix(err.Error(), `; allow it without a password (NOPASSWD) or set become = "none"`) {
		t.Errorf("Shell returned %v", err)
	}
	out, err := l.Run(t.Context(), Command{Argv: []string{"id", "-un"}})
	if err != nil || string(out.Stdout) != "nobody\n" {
		t.Errorf("Run without root returned %q, %v", out.Stdout, err)
	}
}

func TestSudoMissing(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"}, `ForceCommand PATH=/nonexistent; export PATH; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"`)
	h := s.host()
	h.Become = "sudo"
	_, err := fleetOf(t, Options{KnownHosts: []string{s.known("ed25519")}}).Link(h).Shell(t.Context(), "id")
	if !errors.Is(err, ErrBecome) || !strings.Contains(err.Error(), "sudo: not found") {
		t.Errorf("Shell returned %v", err)
	}
}

// TestSudo becomes root for real, in chroot and machine; a command's own failure
// stays its own, even where it speaks of sudo.
func TestSudo(t *testing.T) {
	_ = asNobody(t) // for what it needs
	s := startSSHD(t, []string{"ed25519"})
	h := s.host()
	h.Become = "sudo"
	f := fleetOf(t, Options{KnownHosts: []string{s.known("ed25519")}})
	const script = `echo "${APTFLEET_ROOT-none} ${APTFLEET_CHROOT-none} $LC_ALL ${SUDO_USER:+sudo} $1"`
	for _, tt := range []struct{ become, chroot, want string }{
		{"sudo", "", "none none C sudo an arg\n"},
		{"sudo", "/srv/slot b", "/srv/slot b /srv/slot b C sudo an arg\n"},
		{"none", "/srv/slot b", "/srv/slot b /srv/slot b C  an arg\n"},
		{"", "", "none none C  an arg\n"}, // it is root's login
	} {
		h.Become, h.Chroot = tt.become, tt.chroot
		if out, err := f.Link(h).Shell(t.Context(), script, "an arg"); err != nil || string(out) != tt.want {
			t.Errorf("become %q in %q: Shell returned %q, %v", tt.become, tt.chroot, out, err)
		}
	}
	h.User, h.Become, h.Chroot = "", "", "" // as whoever runs this, root
	if _, err := f.Link(h).Shell(t.Context(), `test -z "${SUDO_USER-}"`); err != nil {
		t.Errorf("root's own login went through sudo: %v", err)
	}
	h.Become = "sudo"
	_, err := f.Link(h).Shell(t.Context(), "echo 'sudo: a password is required' >&2; exit 1")
	var exit *ExitError
	if !errors.As(err, &exit) || errors.Is(err, ErrBecome) {
		t.Errorf("a script that fails by itself returned %v", err)
	}
}
