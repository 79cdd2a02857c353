package remote

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// loginShells are those that an administrator may have; the line must mean the
// same to each.
var loginShells = [][]string{{"sh"}, {"bash"}, {"dash"}, {"busybox", "sh"}, {"zsh"}, {"tcsh", "-f"}, {"fish", "--no-config"}}

var argvs = [][]string{
	{"true"},
	{"printf", "%s"},
	{"printf", `%s\n`, "", " ", "a b", "it's", `"`, "`", "$HOME", "$(id)", "*", "~", "!", "!!", "a!b", "{a,b}", "%self", "^", "#", ";", "&"},
	{"printf", `%s\n`, "line\nline", "\n", "tab\tbell\a", `\`, `\\`, `\'`, `'\`, `\n`, `\0101`, "ü", "\xff\xfe", "trailing\n"},
	{"printf", `%s\n`, "long\n", strings.Repeat("it's a \\ long \"one\"!\n", 1000)},
	{"sh", "-c", "set -u\nif [ \"$1\" = x ]; then\n  echo 'it''s' \\\n \"$2\"\nfi\n", "sh", "x", "a'b"},
}

// want runs argv itself, which is what each shell must come to.
func want(t *testing.T, argv []string) string {
	t.Helper()
	out, err := exec.Command("env", append([]string{"V=it's"}, argv...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestLoginLine(t *testing.T) {
	for _, shell := range loginShells {
		if _, err := exec.LookPath(shell[0]); err != nil {
			t.Logf("%s is not installed", shell[0])
			continue
		}
		for _, argv := range argvs {
			for _, ownStdin := range []bool{false, true} {
				line, err := loginLine([]string{"V=it's"}, argv, ownStdin)
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command(shell[0], append(slices.Clone(shell[1:]), "-c", line.login)...)
				cmd.Stdin = bytes.NewReader(line.stdin)
				cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir()}
				if out, err := cmd.CombinedOutput(); err != nil || string(out) != want(t, argv) {
					t.Errorf("%s made of %q\n%s: %v\nwant\n%s", shell, argv, out, err, want(t, argv))
				}
			}
		}
	}
}

// TestLoginLineCutShort lets the connection go at every place of a command that
// comes through stdin: it must run whole or not at all, however few of its
// arguments are missing.
func TestLoginLineCutShort(t *testing.T) {
	line, err := loginLine([]string{"V=it's"}, []string{"echo", strings.Repeat("x", maxLogin), "several plain", "words", "}", "{", "; }", "12"}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range append([]int{0, 1, 6}, seq(maxLogin, len(line.stdin))...) {
		cmd := exec.Command("/bin/sh", "-c", line.login)
		cmd.Stdin = bytes.NewReader(line.stdin[:n])
		if out, err := cmd.Output(); err == nil || len(out) > 0 {
			t.Errorf("the first %d of %d bytes, to %q, ran: %v, %d bytes of output", n, len(line.stdin), line.stdin[max(0, n-10):n], err, len(out))
		}
	}
}

// TestRootLine has a sudo that passes no variables on but those of the language,
// and lets the connection go at some places of what comes through stdin.
func TestRootLine(t *testing.T) {
	dir := t.TempDir()
	sudo := "#!/bin/sh\n[ \"$1 $2\" = '-n --' ] && shift 2 && exec env -i PATH=\"$PATH\" ${LC_ALL+LC_ALL=\"$LC_ALL\"} ROOT=yes \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "sudo"), []byte(sudo), 0o755); err != nil {
		t.Fatal(err)
	}
	script := "printf '%s|' \"$ROOT\" \"$LC_ALL\" \"$SLOT\" \"$@\"; cat"
	for _, shell := range loginShells {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		for _, filler := range []string{"", "#" + strings.Repeat("it's ", maxLogin) + "\n"} {
			line, err := rootLine([]string{"SLOT=a b"}, []string{"sh", "-c", filler + script, "sh", "it's", ""}, false)
			if err != nil || (line.stdin != nil) != (filler != "") {
				t.Fatal(err, len(line.stdin))
			}
			run := func(n int) (string, error) {
				cmd := exec.Command(shell[0], append(slices.Clone(shell[1:]), "-c", line.login)...)
				cmd.Stdin = bytes.NewReader(line.stdin[:n])
				cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "HOME=" + dir}
				out, err := cmd.Output()
				return string(out), err
			}
			if out, err := run(len(line.stdin)); err != nil || out != "yes|C|a b|it's||" {
				t.Errorf("%s made %q of %.200s: %v", shell, out, line.login, err)
			}
			if line.stdin == nil {
				continue
			}
			for _, n := range []int{1, 2, 9, len(line.stdin) / 2, len(line.stdin) - 9, len(line.stdin) - 2} {
				if out, err := run(n); out != "" || err == nil {
					t.Errorf("%s ran the first %d of %d bytes: %q, %v", shell, n, len(line.stdin), out, err)
				}
			}
		}
	}
}

// seq returns the numbers from a to b-1.
func seq(a, b int) (ns []int) {
	for n := a; n < b; n++ {
		ns = append(ns, n)
	}
	return ns
}

// TestLoginLineLeavesStdin holds a command long enough for stdin to what its
// own is: that stays whole.
func TestLoginLineLeavesStdin(t *testing.T) {
	line, err := loginLine(nil, []string{"sh", "-c", "# " + strings.Repeat("x", maxLogin) + "\ncat"}, true)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", line.login)
	cmd.Stdin = strings.NewReader("its own")
	if out, err := cmd.Output(); err != nil || string(out) != "its own" || line.stdin != nil {
		t.Errorf("it read %q, %v, after %d bytes of ours", out, err, len(line.stdin))
	}
}

func TestLoginLineRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		argv []string
		want string
	}{
		{"no command", nil, "cannot run a command without a name"},
		{"empty command", []string{""}, "cannot run a command without a name"},
		{"NUL", []string{"echo", "a\x00b"}, "cannot run echo: an argument holds a NUL byte"},
		{"too long", []string{"echo", strings.Repeat("x", 1<<17)}, "cannot run echo: its arguments take 131095 bytes, more than 122880; send them through stdin"},
	} {
		if _, err := loginLine(nil, tt.argv, false); err == nil || err.Error() != tt.want {
			t.Errorf("%s: loginLine returned %v, want %s", tt.name, err, tt.want)
		}
	}
}

// FuzzLoginLine sends any two words through /bin/sh twice, as sshd and the line do.
func FuzzLoginLine(f *testing.F) {
	for _, argv := range argvs {
		f.Add(argv[0], argv[len(argv)-1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		line, err := loginLine([]string{"V=" + a}, []string{"sh", "-c", `printf '%s\0' "$V" "$@"`, "sh", a, b}, false)
		if err != nil {
			if !strings.Contains(a+b, "\x00") && len(a)+len(b) < 10000 {
				t.Fatal(err)
			}
			return
		}
		for _, c := range []byte(line.login) {
			if c < ' ' || c > '~' {
				t.Fatalf("the line holds the byte %#x, which a shell may read differently", c)
			}
		}
		cmd := exec.Command("/bin/sh", "-c", line.login)
		cmd.Stdin = bytes.NewReader(line.stdin)
		out, err := cmd.Output()
		if want := []byte(a + "\x00" + a + "\x00" + b + "\x00"); err != nil || !bytes.Equal(out, want) {
			t.Errorf("sh made %q of it (%v), want %q", out, err, want)
		}
	})
}
