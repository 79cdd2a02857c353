package lab

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// bootedLab starts a lab of booted hosts, or skips t where the machine cannot
// have one.
func bootedLab(t *testing.T, o Options) *Lab {
	t.Helper()
	l := ForTest(t, o)
	if l.Kind() != Booted {
		t.Skip("no booted hosts: " + l.Reason())
	}
	return l
}

// deadline is a context that ends a test that hangs.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// login runs a command on a host with OpenSSH's client and the lab's files.
func login(ctx context.Context, l *Lab, h Host, user, command string) (string, error) {
	out, err := exec.CommandContext(ctx, "ssh", "-F", "none", "-i", l.Identity(), "-o", "UserKnownHostsFile="+l.KnownHosts(),
		"-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10",
		"-p", fmtPort(h), user+"@"+h.Address(), command).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestBootedHosts(t *testing.T) {
	l := bootedLab(t, Options{Count: 2, Suites: []string{Bookworm, Trixie}})
	ctx := deadline(t)
	for i, aptVersion := range []string{"apt 2.6.", "apt 3.0."} {
		h := l.Hosts()[i]
		for _, tt := range []struct{ user, command, want string }{
			{"root", "id -un", "root"},
			{"deploy", "sudo -n id -un", "root"},
			{"deploy", "apt-get --version", aptVersion},
			{"deploy", "hostname", h.Name()},
			{"deploy", "systemctl is-system-running --wait", "running"},
		} {
			if out, err := login(ctx, l, h, tt.user, tt.command); err != nil || !strings.HasPrefix(out, tt.want) {
				t.Errorf("%s (%s): %s as %s: %q, %v; want %q", h.Name(), h.Suite(), tt.command, tt.user, out, err, tt.want)
			}
		}
		if out, err := login(ctx, l, h, "nosudo", "sudo -n id -un"); err == nil {
			t.Errorf("%s: nosudo may sudo: %q", h.Name(), out)
		}
	}
}
