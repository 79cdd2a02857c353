package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// eachKind runs f on a lab of each kind that the machine can have.
func eachKind(t *testing.T, o Options, f func(*testing.T, *Lab)) {
	t.Run("booted", func(t *testing.T) { f(t, bootedLab(t, o)) })
	t.Run("light", func(t *testing.T) {
		o.Kind = Light
		f(t, ForTest(t, o))
	})
}

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

// login prepares a command on a host through OpenSSH's client, by what the lab
// says of itself.
func login(ctx context.Context, l *Lab, h Host, user, command string) *exec.Cmd {
	return exec.CommandContext(ctx, "ssh", "-F", "none", "-i", l.Identity(), "-o", "UserKnownHostsFile="+l.KnownHosts(),
		"-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10",
		"-p", portOf(h), user+"@"+h.Address(), command)
}

func portOf(h Host) string { return strconv.Itoa(h.Port()) }

// tell runs a command on a host as the inventory's user, and returns what it
// says.
func tell(t *testing.T, l *Lab, h Host, command string) string {
	t.Helper()
	out, err := login(deadline(t), l, h, l.User(), command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %s: %v\n%s", h.Name(), command, err, out)
	}
	return strings.TrimSpace(string(out))
}

// sudo is what goes before a command that needs root.
func sudo(l *Lab) string {
	if l.Kind() == Booted {
		return "sudo -n "
	}
	return ""
}

// until polls a condition, and fails t where it does not come true.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for ctx := deadline(t); !condition(); {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: did not come true", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// offer puts a package into a flat repository that a host has on its own disk,
// and names the repository in its sources. Its configuration leaves a file
// behind that shows that maintainer scripts ran.
func offer(t *testing.T, h Host, name, version string) {
	t.Helper()
	tree := filepath.Join(t.TempDir(), "tree")
	for path, text := range map[string]string{
		"DEBIAN/control":              fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: A <a@example.com>\nDescription: a sample\n", name, version),
		"DEBIAN/postinst":             "#!/bin/sh\nset -e\necho \"$1 " + version + "\" >>\"$DPKG_ROOT/var/log/" + name + ".log\"\n",
		"usr/share/" + name + "/data": version + "\n",
	} {
		path = filepath.Join(tree, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	repo := h.Path("srv/repo")
	if err := os.MkdirAll(repo, 0o755); err != nil {
		t.Fatal(err)
	}
	file := fmt.Sprintf("%s_%s_all.deb", name, version)
	local(t, "dpkg-deb", "--root-owner-group", "--build", tree, filepath.Join(repo, file))
	deb, err := os.ReadFile(filepath.Join(repo, file))
	if err != nil {
		t.Fatal(err)
	}
	control := local(t, "dpkg-deb", "--field", filepath.Join(repo, file))
	stanza := fmt.Sprintf("%sFilename: ./%s\nSize: %d\nSHA256: %x\n\n", control, file, len(deb), sha256.Sum256(deb))
	appendTo(t, filepath.Join(repo, "Packages"), stanza)
	source := "/srv/repo"
	if h.Address()[:3] == "127" {
		source = repo
	}
	if err := os.WriteFile(h.Path("etc/apt/sources.list.d/sample.list"), []byte("deb [trusted=yes] copy:"+source+" ./\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	old, _ := os.ReadFile(file) // the first text makes the file
	if err := os.WriteFile(file, append(old, text...), 0o644); err != nil {
		t.Fatal(err)
	}
}

// local runs a program of this machine.
func local(t *testing.T, argv ...string) string {
	t.Helper()
	cmd := exec.CommandContext(deadline(t), argv[0], argv[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, &stderr)
	}
	return string(out)
}

// TestInstall is what every kind of host is for: real apt and dpkg install,
// upgrade and remove a real package.
func TestInstall(t *testing.T) { eachKind(t, Options{}, installs) }

func installs(t *testing.T, l *Lab) {
	h := l.Hosts()[0]
	for _, version := range []string{"1.0", "1.1"} {
		offer(t, h, "sample", version)
		tell(t, l, h, sudo(l)+"apt-get -q -o APT::Update::Error-Mode=any update")
		tell(t, l, h, sudo(l)+"apt-get -q -y install sample </dev/null")
		if got, want := tell(t, l, h, `dpkg-query -W -f '${Status} ${Version}' sample`), "install ok installed "+version; got != want {
			t.Errorf("dpkg-query says %q, want %q", got, want)
		}
		if got, err := os.ReadFile(h.Path("usr/share/sample/data")); string(got) != version+"\n" {
			t.Errorf("the package's file has %q, %v; want %q", got, err, version)
		}
		if got, err := os.ReadFile(h.Path("var/log/sample.log")); !strings.HasSuffix(string(got), " "+version+"\n") {
			t.Errorf("the package's script wrote %q, %v; want a line about %s", got, err, version)
		}
	}
	if got := tell(t, l, h, "dpkg --audit"); got != "" {
		t.Errorf("dpkg --audit says %q", got)
	}
	tell(t, l, h, sudo(l)+"apt-get -q -y purge sample </dev/null")
	if _, err := os.Stat(h.Path("usr/share/sample/data")); !os.IsNotExist(err) {
		t.Errorf("the file of a purged package: %v", err)
	}
}
