package remote

import (
	"errors"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	s := startSSHD(t, []string{"ed25519"})
	l := fleetOf(t, Options{KnownHosts: []string{s.known("ed25519")}}).Link(s.host())

	out, err := l.Run(t.Context(), Command{Argv: []string{"sh", "-c", `cat; echo "$1" >&2`, "sh", "it's $HOME!\n\\"}, Stdin: strings.NewReader("in")})
	if err != nil || string(out.Stdout) != "in" || string(out.Stderr) != "it's $HOME!\n\\\n" {
		t.Errorf("Run returned %q, %q, %v", out.Stdout, out.Stderr, err)
	}
	_, err = l.Run(t.Context(), Command{Argv: []string{"sh", "-c", "echo first >&2; echo no such thing >&2; exit 7"}})
	var exit *ExitError
	if !errors.As(err, &exit) || exit.ExitStatus() != 7 || err.Error() != "web1: sh exited with 7: no such thing" {
		t.Errorf("Run of a failing command returned %v", err)
	}
	_, err = l.Run(t.Context(), Command{Argv: []string{"sh", "-c", "kill -KILL $$"}})
	if !errors.As(err, &exit) || exit.Status != 137 {
		t.Errorf("Run of a killed command returned %v", err)
	}
	if got := strings.Count(s.read("log"), "Accepted publickey"); got != 1 {
		t.Errorf("%d connections were made for one link", got)
	}
}

// TestPrintable: what a host says must not reach the terminal as it likes.
func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ said, want string }{
		{"E: plain words, ü", "E: plain words, ü"},
		{"\x1b]0;evil\a\nweb2: done", `\x1b]0;evil\a\nweb2: done`},
		{"half a rune \xc3", "half a rune \uFFFD"},
		{"\u202ereversed", `\u202ereversed`},
		{strings.Repeat("x", 1<<20), strings.Repeat("x", maxText+1) + "…"},
	} {
		err := &hostError{"web1", errors.New(tt.said)}
		if got := err.Error(); got != "web1: "+tt.want {
			t.Errorf("%.40q became %.60q, want %.60q", tt.said, got, tt.want)
		}
	}
}
