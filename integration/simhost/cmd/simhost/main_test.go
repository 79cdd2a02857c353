package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/aptfleet/aptfleet/integration/simhost"
)

// TestMain lets the test binary be the program itself.
func TestMain(m *testing.M) {
	if os.Getenv("SIMHOST_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// OpenSSH's client is the oracle: it must find these hosts good.
func TestOpenSSH(t *testing.T) {
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("no ssh here")
	}
	for _, extra := range [][]string{nil, {"-certificates"}, {"-keys", "ecdsa,ed25519", "-rtt", "2ms"}} {
		args := append([]string{"-n", "3", "-port", "0", "-files", t.TempDir()}, extra...)
		files, end := startMain(t, args...)
		out, err := exec.Command(ssh, "-F", files.SSHConfig, "127.10.0.3", "uname; true", ";", "x").CombinedOutput()
		if err == nil {
			t.Errorf("%q: a command that does not exist gave %q", extra, out)
		}
		out, err = exec.Command(ssh, "-F", files.SSHConfig, "127.10.0.3", "sudo -n uname").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "sim00002") {
			t.Errorf("%q: error %v, output %q", extra, err, out)
		}
		if got := end(); got.Handshakes != 2 || got.Commands != 2 {
			t.Errorf("%q: counted %+v", extra, got)
		}
	}
}

// startMain runs the program; end stops it and returns what it counted.
func startMain(t *testing.T, args ...string) (files simhost.Files, end func() simhost.Counters) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), "SIMHOST_MAIN=1")
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(out).Decode(&files); err != nil {
		cancel()
		_ = cmd.Wait()
		t.Fatalf("it said no files: %v: %s", err, &problems)
	}
	return files, func() (counted simhost.Counters) {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("it ended with %v: %s", err, &problems)
		}
		if err := json.Unmarshal([]byte(problems.String()), &counted); err != nil {
			t.Errorf("counters %q: %v", &problems, err)
		}
		return counted
	}
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{
		nil, {"-files", "x", "word"}, {"-files", "x", "-fault", "odd:1%"}, {"-files", "x", "-keys", "dsa"}, {"-files", "x", "-port", "0", "-n", "-5"},
		{"-files", "x", "-max-startups", "y"}, {"-files", "x", "-user-ca", "/nonexistent"}, {"-port", "0", "-files", "/nonexistent"},
	} {
		if err := run(args); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}
