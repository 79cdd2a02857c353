package steps

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is a host's shell whose files are in a folder, without systemd.
type root string

func (r root) Shell(ctx context.Context, script string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", script, "sh"}, args...)...)
	cmd.Env = append(os.Environ(), "APTFLEET_ROOT="+string(r))
	return cmd.Output()
}

func TestPlaceAgentFiles(t *testing.T) {
	host := root(t.TempDir())
	files := AgentFiles{Token: "token", CA: "-----BEGIN\n", Settings: "servers = [\"tls://a\"]\n", Probes: `{"probes":["it's $x %s"]}`}
	want := map[string]string{"agent.jwt": "token\n", "ca.pem": files.CA, "agent.toml": files.Settings, "probes.json": files.Probes}
	place := func(want Enrolled) {
		t.Helper()
		if did, err := PlaceAgentFiles(t.Context(), host, files); err != nil || did != want {
			t.Errorf("PlaceAgentFiles returned %s, %v, want %s", did, err, want)
		}
	}
	place(Written)
	place(Unchanged)
	folder := filepath.Join(string(host), "etc/aptfleet-agent")
	if err := os.WriteFile(filepath.Join(folder, "ca.pem"), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	place(Repaired)
	if err := os.Remove(filepath.Join(folder, "probes.json")); err != nil {
		t.Fatal(err)
	}
	place(Written)
	for name, text := range want {
		if got, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(got) != text {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != len(want) {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestLookAtAgent(t *testing.T) {
	host := root(t.TempDir())
	if _, err := LookAtAgent(t.Context(), host); !errors.Is(err, ErrNoAgent) {
		t.Errorf("a host without an agent: %v", err)
	}
	program := filepath.Join(string(host), "usr/bin/aptfleet-agent")
	answers := func(text string) {
		t.Helper()
		err := errors.Join(os.MkdirAll(filepath.Dir(program), 0o755), os.WriteFile(program, []byte("#!/bin/sh\nprintf '"+text+"'\n"), 0o755))
		if err != nil {
			t.Fatal(err)
		}
	}
	key := "U" + strings.Repeat("A", 55)
	answers(key + `\n`)
	if id, err := LookAtAgent(t.Context(), host); err != nil || id != (AgentIdentity{Key: key}) {
		t.Errorf("LookAtAgent returned %+v, %v", id, err)
	}
	if _, err := PlaceAgentFiles(t.Context(), host, AgentFiles{Token: "token"}); err != nil {
		t.Fatal(err)
	}
	if id, err := LookAtAgent(t.Context(), host); err != nil || id.Token != "token" {
		t.Errorf("LookAtAgent returned %+v, %v", id, err)
	}
	for _, text := range []string{"", "hello\\n", "SU" + key} {
		answers(text)
		if id, err := LookAtAgent(t.Context(), host); err == nil {
			t.Errorf("%q was read as %+v", text, id)
		}
	}
}
