package lab

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// TestCut proves that a cut link freezes what goes through it, and loses
// nothing.
func TestCut(t *testing.T) {
	eachKind(t, Options{Count: 2}, func(t *testing.T, l *Lab) {
		h, other := l.Hosts()[0], l.Hosts()[1]
		session := login(deadline(t), l, h, l.User(), "echo ready; cat")
		stdin, stdout := pipes(t, session)
		lines := make(chan string, 8)
		go func() {
			for s := bufio.NewScanner(stdout); s.Scan(); {
				lines <- s.Text()
			}
			close(lines)
		}()
		if got := <-lines; got != "ready" {
			t.Fatalf("the session says %q", got)
		}
		if err := h.Cut(); err != nil {
			t.Fatal(err)
		}
		write(t, stdin, "while cut\n")
		// A second login that gives up, with its second of patience, shows that
		// there was time for the line to come back.
		late := login(deadline(t), l, h, l.User(), "true")
		late.Args = append(late.Args[:1:1], append([]string{"-o", "ConnectTimeout=1"}, late.Args[1:]...)...)
		if out, err := late.CombinedOutput(); err == nil {
			t.Errorf("a login over the cut link succeeded: %s", out)
		}
		tell(t, l, other, "true")
		select {
		case line, open := <-lines:
			t.Errorf("over the cut link came %q, open %v", line, open)
		default:
		}
		if err := h.Mend(); err != nil {
			t.Fatal(err)
		}
		if got := <-lines; got != "while cut" {
			t.Errorf("over the mended link came %q", got)
		}
		if err := errors.Join(h.Cut(), h.PowerOff(), h.PowerOn(deadline(t))); err != nil {
			t.Fatal(err)
		}
		tell(t, l, h, "true")
	})
}

// TestCutAtTheEnd has a command say things and end while the link is cut: all of
// it arrives when the link is mended.
func TestCutAtTheEnd(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, l *Lab) {
		h := l.Hosts()[0]
		command := `cd "${APTFLEET_ROOT:-}/tmp"; echo ready; until [ -e go ]; do sleep 0.05; done; seq 500; sleep 0.2; seq 500; touch over`
		session := login(deadline(t), l, h, l.User(), command)
		_, stdout := pipes(t, session)
		lines := bufio.NewScanner(stdout)
		if !lines.Scan() || lines.Text() != "ready" {
			t.Fatalf("the session says %q", lines.Text())
		}
		if err := h.Cut(); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Exec(deadline(t), "sh", "-c", `touch "${APTFLEET_ROOT:-}/tmp/go"`); err != nil {
			t.Fatal(err)
		}
		until(t, "the command ends", func() bool {
			_, err := h.Exec(deadline(t), "sh", "-c", `[ -e "${APTFLEET_ROOT:-}/tmp/over" ]`)
			return err == nil
		})
		<-time.After(2 * waitDelay) // not to wait for something: the cut lasts longer than that patience
		if err := h.Mend(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for lines.Scan() {
			n++
		}
		if n != 1000 {
			t.Errorf("%d lines arrived, want 1000", n)
		}
	})
}

func pipes(t *testing.T, cmd *exec.Cmd) (io.Writer, io.Reader) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // which ends the session
		_ = cmd.Wait()
	})
	return stdin, stdout
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

// TestDetached proves that what a command detached lives on when its connection
// is lost, and ends with the host.
func TestDetached(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, l *Lab) {
		h := l.Hosts()[0]
		job := `cd "${APTFLEET_ROOT:-}/var/log" && echo began >job && until [ -e go ]; do sleep 0.05; done; echo done >>job; exec sleep 1000`
		detach := "setsid sh -c '" + job + "' </dev/null >/dev/null 2>&1 & exec sleep 1000"
		if l.Kind() == Booted {
			detach = `sudo -n sh -c 'cat >/root/job.sh; systemd-run --quiet sh /root/job.sh; exec sleep 1000'`
		}
		ctx, lose := context.WithCancel(deadline(t))
		session := login(ctx, l, h, l.User(), detach)
		session.Stdin = strings.NewReader(job)
		if err := session.Start(); err != nil {
			t.Fatal(err)
		}
		says := func(want string) func() bool {
			return func() bool { text, _ := os.ReadFile(h.Path("var/log/job")); return string(text) == want }
		}
		until(t, "the job begins", says("began\n"))
		lose()
		_ = session.Wait() // killed
		appendTo(t, h.Path("var/log/go"), "")
		until(t, "the job goes on without its connection", says("began\ndone\n"))
		if err := h.PowerOff(); err != nil {
			t.Fatal(err)
		}
		if light, ok := h.(*lightHost); ok {
			if pids := light.processes(); len(pids) > 0 {
				t.Errorf("processes %v outlived the host", pids)
			}
		}
	})
}

// TestReboot proves that a host comes back with its disk and not with what ran.
func TestReboot(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, l *Lab) {
		h := l.Hosts()[0]
		bootID := func() string { return tell(t, l, h, "cat /proc/sys/kernel/random/boot_id") }
		before := bootID()
		tell(t, l, h, sudo(l)+`sh -c 'echo kept >"${APTFLEET_ROOT:-}/var/log/kept"'`)
		for name, again := range map[string]func(context.Context) error{
			"Reboot": h.Reboot,
			"PowerOff, PowerOn": func(ctx context.Context) error {
				if err := h.PowerOff(); err != nil {
					return err
				}
				if out, err := login(deadline(t), l, h, l.User(), "true").CombinedOutput(); err == nil {
					t.Errorf("a host that is off lets log in: %s", out)
				}
				return h.PowerOn(ctx)
			},
		} {
			if err := again(deadline(t)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := tell(t, l, h, `cat "${APTFLEET_ROOT:-}/var/log/kept"`); got != "kept" {
				t.Errorf("%s: the file on disk has %q", name, got)
			}
			after := bootID()
			if after == before && l.Kind() == Booted {
				t.Errorf("%s: the boot id is still %s", name, after)
			}
			before = after
		}
	})
}

func TestChangeHostKey(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, l *Lab) {
		h := l.Hosts()[0]
		tell(t, l, h, "true")
		if err := h.ChangeHostKey(deadline(t)); err != nil {
			t.Fatal(err)
		}
		out, err := login(deadline(t), l, h, l.User(), "true").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "REMOTE HOST IDENTIFICATION HAS CHANGED") {
			t.Errorf("ssh says %q, %v", out, err)
		}
	})
}

func TestHoldDpkgLock(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, l *Lab) {
		h := l.Hosts()[0]
		release, err := h.HoldDpkgLock()
		if err != nil {
			t.Fatal(err)
		}
		install := sudo(l) + "apt-get -q -y install </dev/null"
		out, err := login(deadline(t), l, h, l.User(), install).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "("+LockHolder+")") {
			t.Errorf("apt-get says %q, %v; want it to name %s", out, err, LockHolder)
		}
		if err := release(); err != nil {
			t.Errorf("release: %v", err)
		}
		tell(t, l, h, install)
	})
}

func TestFillDisk(t *testing.T) {
	eachKind(t, Options{Disk: 64 << 20}, func(t *testing.T, l *Lab) {
		h := l.Hosts()[0]
		err := h.FillDisk()
		if l.Kind() == Light {
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("FillDisk: %v, want %v", err, errors.ErrUnsupported)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		put := []string{"sh", "-c", "cp /bin/sh /var/log/new"}
		if _, err := h.Exec(deadline(t), put...); err == nil || !strings.Contains(err.Error(), "No space left on device") {
			t.Errorf("writing to a full disk: %v", err)
		}
		if err := h.FreeDisk(); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Exec(deadline(t), put...); err != nil {
			t.Error(err)
		}
	})
}

// TestForward proves that a host lets the client listen on its loopback, which
// is how it can reach the repository through the SSH connection.
func TestForward(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, l *Lab) {
		h := l.Hosts()[0]
		client := dial(t, l, h)
		listener, err := client.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "through "+r.URL.Path) })}
		served := make(chan error)
		go func() { served <- server.Serve(listener) }()
		defer func() { _ = client.Close(); <-served }() // whose end it is to say
		url := "http://" + listener.Addr().String() + "/the-tunnel"
		if got := tell(t, l, h, "cd /tmp && f=$(mktemp) && /usr/lib/apt/apt-helper download-file "+url+" $f >/dev/null && cat $f && rm $f"); got != "through /the-tunnel" {
			t.Errorf("the host fetched %q", got)
		}
		// And a jump host, by way of itself.
		addr := net.JoinHostPort(h.Address(), portOf(h))
		conn, err := client.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		greeting := make([]byte, 8)
		if _, err := io.ReadFull(conn, greeting); err != nil || string(greeting) != "SSH-2.0-" {
			t.Errorf("through the jump host: %q, %v", greeting, err)
		}
	})
}

// dial connects to a host by this process.
func dial(t *testing.T, l *Lab, h Host) *ssh.Client {
	t.Helper()
	text, err := os.ReadFile(l.Identity())
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	known, err := knownhosts.New(l.KnownHosts())
	if err != nil {
		t.Fatal(err)
	}
	client, err := ssh.Dial("tcp", net.JoinHostPort(h.Address(), portOf(h)), &ssh.ClientConfig{
		User: l.User(), Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: known,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519}, Timeout: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() }) // closed already is as well
	return client
}
