package remote

import (
	"fmt"
	"strings"
)

// maxLine bounds a command line: Linux takes no single argument over 128 KiB,
// and the login shell gets the whole line as one.
const maxLine = 120 << 10

// loginLine returns argv as a line for the login shell of the other side,
// whatever shell that is, with assign (NAME=value words) before it.
//
// sshd hands a command to the login shell as text, and sh, csh and fish agree
// on hardly more than single quotes around harmless bytes. So the line is
// written for /bin/sh, every byte that some shell might treat specially within
// single quotes is sent as an octal escape, and printf of /bin/sh, which knows
// them (POSIX: %b), turns it back.
func loginLine(assign, argv []string) (string, error) {
	if len(argv) == 0 || argv[0] == "" {
		return "", fmt.Errorf("cannot run a command without a name")
	}
	var words []string
	for _, a := range assign {
		name, value, _ := strings.Cut(a, "=")
		words = append(words, name+"="+quote(value))
	}
	for _, a := range argv {
		words = append(words, quote(a))
	}
	line := strings.Join(words, " ")
	if strings.IndexByte(line, 0) >= 0 {
		return "", fmt.Errorf("cannot run %s: an argument holds a NUL byte", argv[0])
	}
	if safe := escape(line); safe != line {
		line = `exec /bin/sh -c 'eval "$(printf %b "$1")"' sh '` + safe + `'`
	} else {
		line = `exec /bin/sh -c '` + line + `'`
	}
	if len(line) > maxLine {
		return "", fmt.Errorf("cannot run %s: its arguments take %d bytes, more than %d; send them through stdin", argv[0], len(line), maxLine)
	}
	return line, nil
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
