package ansible

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNamesThatMeanTheSame has both names of all that has two, and lets Ansible dial, with an ssh
// that writes down what it was called with: ansible-inventory does not tell which name counts.
func TestNamesThatMeanTheSame(t *testing.T) {
	if _, err := exec.LookPath("ansible"); err != nil {
		t.Skip("there is no ansible here to compare with: apt-get install ansible-core")
	}
	dir := t.TempDir()
	hosts, ssh, args := filepath.Join(dir, "hosts"), filepath.Join(dir, "ssh"), filepath.Join(dir, "args")
	write(t, hosts, "h ansible_user=u1 ansible_ssh_user=u2 ansible_port=1001 ansible_ssh_port=1002 "+
		"ansible_host=h1 ansible_ssh_host=h2 ansible_private_key_file=/k1 ansible_ssh_private_key_file=/k2\n")
	write(t, ssh, fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"$@\" >'%s'\n", args))
	cmd := exec.Command("ansible", "all", "-i", hosts, "-m", "raw", "-a", "true")
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+dir, "ANSIBLE_SSH_EXECUTABLE="+ssh)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dialled, err := os.ReadFile(args)
	if err != nil {
		t.Fatal(err)
	}
	converted, _, err := Convert(hosts)
	if err != nil {
		t.Fatal(err)
	}
	words, lines := strings.Split(string(dialled), "\n"), strings.Split(string(converted), "\n")
	for _, tt := range []struct{ theirs, ours string }{
		{`User="u2"`, `user = "u2"`}, {"Port=1002", "port = 1002"}, {"h2", `address = "h2"`}, {`IdentityFile="/k2"`, `identity = "/k2"`},
	} {
		if !slices.Contains(words, tt.theirs) || !slices.Contains(lines, tt.ours) {
			t.Errorf("want %s of Ansible and %s of us, got\n%s\n%s", tt.theirs, tt.ours, dialled, converted)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
