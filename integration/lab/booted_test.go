package lab

import (
	"strings"
	"testing"
)

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
			out, err := login(ctx, l, h, tt.user, tt.command).CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), tt.want) {
				t.Errorf("%s (%s): %s as %s: %q, %v; want %q", h.Name(), h.Suite(), tt.command, tt.user, out, err, tt.want)
			}
		}
		if out, err := login(ctx, l, h, "nosudo", "sudo -n id -un").CombinedOutput(); err == nil {
			t.Errorf("%s: nosudo may sudo: %q", h.Name(), out)
		}
	}
}
