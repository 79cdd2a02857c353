package remote

import (
	"fmt"
	"strings"
)

const (
	// maxLine bounds a command: Linux takes no single argument over 128 KiB, and
	// a shell may get nearly all of it as one.
	maxLine = 120 << 10
	// maxLogin is the longest command that is part of the line for the login
	// shell, where stdin could carry it.
	maxLogin = 2 << 10
)

// fromStdin is the login line of a command that comes through stdin, which has
// to close the brace: what was cut short is an error of syntax then, and no
// word of it is run.
const fromStdin = `exec /bin/sh -c 'eval "{ $(cat)"'`

// plainWords is for every command: what it says is read.
const plainWords = "LC_ALL=C"

// rootFromStdin is fromStdin for root's commands: the shell that reads is root's
// already. That spares the host two programs a command, and its log the script.
const rootFromStdin = `exec sudo -n -- sh`

// line is a command as the other side gets it.
type line struct {
	login string // for the login shell
	stdin []byte // what login reads, in place of the command's own; nil if it reads nothing
}

// loginLine returns argv as a line for the login shell of the other side,
// whatever shell that is, with assign (NAME=value words) before it. If stdin is
// the command's own, it stays so.
//
// sshd hands a command to the login shell as text, and sh, csh and fish agree
// on hardly more than single quotes around harmless bytes. So the line is
// written for /bin/sh, every byte that some shell might treat specially within
// single quotes is sent as an octal escape, and printf of /bin/sh, which knows
// them (POSIX: %b), turns it back. A long one, such as a script, goes through
// stdin as it is: escaping it costs more than all else that is done for it.
func loginLine(assign, argv []string, ownStdin bool) (line, error) {
	if len(argv) == 0 || argv[0] == "" {
		return line{}, fmt.Errorf("cannot run a command without a name")
	}
	text := shellLine(assign, argv)
	if strings.IndexByte(text, 0) >= 0 {
		return line{}, fmt.Errorf("cannot run %s: an argument holds a NUL byte", argv[0])
	}
	if !ownStdin && len(text) > maxLogin && len(text) <= maxLine {
		return line{login: fromStdin, stdin: []byte(text + "\n}")}, nil
	}
	login := `exec /bin/sh -c '` + text + `'`
	if safe := escape(text); safe != text {
		login = `exec /bin/sh -c 'eval "$(printf %b "$1")"' sh '` + safe + `'`
	}
	if len(login) > maxLine {
		return line{}, fmt.Errorf("cannot run %s: its arguments take %d bytes, more than %d; send them through stdin", argv[0], len(login), maxLine)
	}
	return line{login: login}, nil
}

// rootLine is loginLine for a command that sudo is to run. sudo passes no variables
// on.
func rootLine(assign, argv []string, ownStdin bool) (line, error) {
	sudo := []string{"sudo", "-n", "--"}
	if len(assign) > 0 {
		sudo = append(append(sudo, "env"), assign...)
	}
	l, err := loginLine([]string{plainWords}, append(sudo, argv...), ownStdin)
	if err != nil || l.stdin == nil {
		return l, err
	}
	text := shellLine(append([]string{plainWords}, assign...), append([]string{"exec"}, argv...))
	return line{login: rootFromStdin, stdin: []byte("{ " + text + "\n}\n")}, nil
}

// shellLine returns argv as a command of POSIX sh.
func shellLine(assign, argv []string) string {
	var words []string
	for _, a := range assign {
		name, value, _ := strings.Cut(a, "=")
		words = append(words, name+"="+quote(value))
	}
	for _, a := range argv {
		words = append(words, quote(a))
	}
	return strings.Join(words, " ")
}

// quote returns s as one word of POSIX sh.
func quote(s string) string {
	if s != "" && strings.Trim(s, plainBytes) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// plainBytes need no quotes in any place of a command of POSIX sh.
const plainBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+@%"

// escape returns s with each byte that is not harmless within the single quotes
// of every shell as the octal escape of printf's %b: the quote itself, the
// backslash (fish), the exclamation mark (csh), line ends (csh), and whatever a
// locale may read differently.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c > '~' || c == '\'' || c == '\\' || c == '!':
			fmt.Fprintf(&b, `\0%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
