package simhost

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// played is what a command would say, without any SSH.
func played(t *testing.T, d *Debian, stdin, line string) (stdout, stderr string, status int) {
	t.Helper()
	var out, problems bytes.Buffer
	status = d.Play(t.Context(), Command{Host: 7, User: "deploy", Line: line,
		Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &problems, Disconnect: func() {}})
	return out.String(), problems.String(), status
}

func TestDebianCommands(t *testing.T) {
	d := &Debian{Versions: map[string]string{"web": "2.0"}}
	for _, tt := range []struct {
		line, stdin, stdout, stderr string
		status                      int
	}{
		{"true", "", "", "", 0},
		{"false", "", "", "", 1},
		{"exit 7", "", "", "", 7},
		{"echo 'a  b' c", "", "a  b c\n", "", 0},
		{"cat", "abc", "abc", "", 0},
		{"emit 3 4", "", "xxx\nxxx\nxxx\n", "", 0},
		{"sleep 0.001", "", "", "", 0},
		{"sleep long", "", "", "", 1},
		{"nosuch", "", "", "sh: 1: nosuch: not found\n", 127},
		{"cat /etc/os-release", "", "VERSION_CODENAME=bookworm", "", 0},
		{"dpkg --audit", "", "", "", 0},
		{"apt-get update", "", "Reading package lists...", "", 0},
		{"apt-get autoclean", "", "", "E: Invalid operation autoclean\n", 100},
		{"dpkg-query -W web", "", "", "dpkg-query: no packages found matching web\n", 1},
		{"apt-get -s install web", "", "Inst web (2.0 sim:stable [all])", "", 0},
		{"sudo -n DEBIAN_FRONTEND=noninteractive apt-get -y -o Dpkg::Options::=--force-confold install web=1.5", "", "Setting up web", "", 0},
		{`dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' web`, "", "web 1.5 installed\n", "", 0},
		{"apt-get -s install web", "", "Inst web [1.5] (2.0 sim:stable [all])", "", 0},
		{"apt-get install web other", "", "Setting up other", "", 0},
		{"apt-get --simulate install web", "", "Reading state information...\n", "", 0},
		{"sim:lines=40,exit=3", "", "Setting up libsim7", "", 3},
		{"sim:lines=many", "", "", "sim: strconv.Atoi: parsing \"many\": invalid syntax\n", 2},
		{"a; b", "", "", "sh: 1: a;: not found\n", 127},
		{"sh -c 'a; b'", "", "", "sh: 1: Syntax error: a simulated host runs no scripts\n", 2},
	} {
		stdout, stderr, status := played(t, d, tt.stdin, tt.line)
		if status != tt.status || stderr != tt.stderr || !strings.Contains(stdout, tt.stdout) || (tt.stdout == "") != (stdout == "") {
			t.Errorf("%q: status %d, stdout %q, stderr %q", tt.line, status, stdout, stderr)
		}
	}
	if got := d.Installed(7, "web"); got != "2.0" {
		t.Errorf("web is installed as %q", got)
	}
	if got := d.Installed(8, "web"); got != "" {
		t.Errorf("web is on a host that was never asked, as %q", got)
	}
}

func TestDebianTakesItsTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &Debian{Duration: time.Hour}
	var out bytes.Buffer
	if status := d.Play(ctx, Command{Line: "apt-get dist-upgrade", Stdout: &out, Stderr: &out}); status != 255 || out.Len() != 0 {
		t.Errorf("an upgrade of an hour that was cancelled: status %d, output %q", status, &out)
	}
}

func TestDebianShell(t *testing.T) {
	d := &Debian{Shell: func(_ context.Context, c Command, script string, args []string) int {
		fmt.Fprintf(c.Stdout, "%s %q", script, args)
		return 5
	}}
	line := `sudo -n -- sh -c 'echo "$1"
exit' sh one 'two three'`
	want := "echo \"$1\"\nexit [\"one\" \"two three\"]"
	if stdout, _, status := played(t, d, "", line); status != 5 || stdout != want {
		t.Errorf("status %d, output %q, want %q", status, stdout, want)
	}
}

func TestSudo(t *testing.T) {
	secret := &Debian{Sudo: Sudo{Password: "s3cret"}}
	for _, tt := range []struct {
		d                           *Debian
		line, stdin, stdout, stderr string
		status                      int
	}{
		{&Debian{}, "sudo -n -- echo in", "", "in\n", "", 0},
		{&Debian{Sudo: Sudo{Absent: true}}, "sudo true", "", "", "sudo: not found", 127},
		{secret, "sudo -n true", "", "", "a password is required", 1},
		{secret, "sudo true", "", "", "a terminal is required", 1},
		{secret, "sudo -S -p 'Say: ' -u root echo in", "s3cret\n", "in\n", "Say: ", 0},
		{secret, "sudo -S echo in", "no\ns3cret\n", "in\n", "Sorry, try again.", 0},
		{secret, "sudo -S echo in", "a\nb\nc\n", "", "3 incorrect", 1},
		{secret, "sudo -S echo in", "a", "", "[sudo] password for deploy: ", 1},
	} {
		stdout, stderr, status := played(t, tt.d, tt.stdin, tt.line)
		if status != tt.status || stdout != tt.stdout || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("%q: status %d, stdout %q, stderr %q", tt.line, status, stdout, stderr)
		}
	}
}

func TestUnderstand(t *testing.T) {
	for _, tt := range []struct {
		line, argv, script, args string
	}{
		{"", "true", "", ""},
		{"exec /bin/sh -c 'echo a b'", "echo|a|b", "", ""},
		{`exec /bin/sh -c 'eval "$(printf %b "$1")"' sh 'echo \0047a b\0047'`, "echo|a b", "", ""},
		{`LC_ALL=C env A=b bash -c "echo \"a\" \b"`, "echo|a|b", "", ""},
		{"sh -c 'exit 1; true' sh one two", "", "exit 1; true", "one|two"},
		{"sh -c 'true", "true", "", ""},
		{"sh -c", "sh|-c", "", ""},
		{"x=y true", "x=y|true", "", ""},
	} {
		got := understand(tt.line)
		if strings.Join(got.argv, "|") != tt.argv || got.script != tt.script || strings.Join(got.args, "|") != tt.args {
			t.Errorf("%q was understood as %q, script %q with %q", tt.line, got.argv, got.script, got.args)
		}
	}
}

// A shell is the oracle for what words a line has, as long as it expands nothing.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"a b", `'a b' c`, `"a \" b"`, `a\ b`, `a''b ""`, `\\ '\'`, `"\a\\"`, "\ta\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := split(line)
		if strings.ContainsAny(line, "$`*?[]~;|&<>()#!{}\n\r\x00=") || strings.Count(line, "'")+strings.Count(line, `"`)+strings.Count(line, `\`) > 8 || len(got) > 20 {
			return
		}
		out, err := exec.Command("sh", "-c", `set -f; eval "set -- $1"; printf '%s\n' "$@"; echo "$#"`, "sh", line).Output()
		if err != nil {
			return // quotes that do not close
		}
		words := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		if words[len(words)-1] == "0" {
			words = nil
		} else {
			words = words[:len(words)-1]
		}
		if !slices.Equal(got, words) {
			t.Errorf("%q has words %q, sh says %q", line, got, words)
		}
	})
}

func FuzzUnescape(f *testing.F) {
	for _, seed := range []string{"", `\0101`, `\0`, `\00`, `a\047b`, `\0777`, `\\0101`, "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var escaped strings.Builder
		for i := range len(text) {
			fmt.Fprintf(&escaped, `\0%03o`, text[i])
		}
		if got := unescape(escaped.String()); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
		_ = unescape(text)
	})
}

func TestLineThroughStdin(t *testing.T) {
	long := "echo " + strings.Repeat("x", 5000)
	if stdout, _, status := played(t, &Debian{}, long+"\n}", throughStdin); status != 0 || stdout != long[5:]+"\n" {
		t.Errorf("status %d, output of %d bytes", status, len(stdout))
	}
	if stdout, _, status := played(t, &Debian{}, "{ LC_ALL=C exec "+long+"\n}\n", rootThroughStdin); status != 0 || stdout != long[5:]+"\n" {
		t.Errorf("for root it ended with %d and %d bytes", status, len(stdout))
	}
	if stdout, stderr, status := played(t, &Debian{}, long, throughStdin); status != 2 || stdout != "" {
		t.Errorf("a line that is cut short: status %d, stderr %q, output of %d bytes", status, stderr, len(stdout))
	}
}
