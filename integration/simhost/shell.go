package simhost

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// call is what a command line comes down to once the shells around it are
// looked through: either a simple command, or a script for sh.
type call struct {
	argv   []string // the simple command; nil if there is a script
	script string
	args   []string // the script's $1 and on
	sudo   []string // the flags of a sudo before it
	asRoot bool     // there was a sudo
}

// decoder is how a line may be sent through a login shell of any kind: as octal
// escapes, which /bin/sh turns back.
const decoder = `eval "$(printf %b "$1")"`

// throughStdin is how a long line may be sent: through stdin, where it ends with
// the closing brace, so that one cut short does nothing.
const throughStdin = `exec /bin/sh -c 'eval "{ $(cat)"'`

// rootThroughStdin is how one for root may be sent: to sudo's shell, where the
// opening brace comes with it.
const rootThroughStdin = `exec sudo -n -- sh`

// whole reads the line that comes through stdin, where it does.
func whole(line string, stdin io.Reader) (string, error) {
	if line != throughStdin && line != rootThroughStdin {
		return line, nil
	}
	text, err := io.ReadAll(io.LimitReader(stdin, 1<<20))
	if err != nil {
		return "", err
	}
	long, closed := strings.CutSuffix(strings.TrimSuffix(string(text), "\n"), "\n}")
	if !closed {
		//lint:ignore ST1005 the words are dash's own
		return "", errors.New(`Syntax error: end of file unexpected (expecting "}")`)
	}
	if line == rootThroughStdin {
		long = "sudo -n -- " + strings.TrimPrefix(long, "{ ")
	}
	return long, nil
}

// understand looks through exec, env, assignments, sudo, and shells whose only
// content is a simple command.
func understand(line string) call {
	var c call
	words := split(line)
	for len(words) > 0 {
		switch word := words[0]; {
		case words[0] == "exec" || words[0] == "env" || isAssignment(word):
			words = words[1:]
		case word == "sudo":
			c.asRoot = true
			c.sudo, words = cutFlags(words[1:])
		case isShell(word) && len(words) >= 3 && words[1] == "-c":
			script, args := words[2], words[min(4, len(words)):]
			if words = simple(script, args); words == nil {
				c.script, c.args = script, args
				return c
			}
		default:
			c.argv = words
			return c
		}
	}
	c.argv = []string{"true"}
	return c
}

// simple returns the words of a script that is but one simple command, else nil.
func simple(script string, args []string) []string {
	if script == decoder && len(args) == 1 {
		return split(unescape(args[0]))
	}
	if strings.ContainsAny(script, "\n;|&<>()`$#") || script == "" {
		return nil
	}
	return split(script)
}

func isShell(word string) bool {
	return slices.Contains([]string{"sh", "/bin/sh", "bash", "/bin/bash", "dash"}, word)
}

func isAssignment(word string) bool {
	name, _, found := strings.Cut(word, "=")
	return found && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == ""
}

// cutFlags cuts sudo's flags off; -p, -u and -g take a word.
func cutFlags(words []string) (flags, rest []string) {
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case word == "--":
			return words[:i], words[i+1:]
		case word == "-p" || word == "-u" || word == "-g":
			i++
		case !strings.HasPrefix(word, "-"):
			return words[:i], words[i:]
		}
	}
	return words, nil
}

// split splits a line into words as sh does, as far as quotes go: single,
// double, and backslashes. What would be expanded stays as it is.
func split(line string) []string {
	var words []string
	var word strings.Builder
	begun := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == ' ' || c == '\t' || c == '\n':
			if begun {
				words, begun = append(words, word.String()), false
				word.Reset()
			}
			continue
		case c == '\'':
			end := closing(line, i)
			word.WriteString(line[i+1 : end])
			i = end
		case c == '"':
			i = quoted(line, i, &word)
		case c == '\\' && i+1 < len(line):
			i++
			word.WriteByte(line[i])
		default:
			word.WriteByte(c)
		}
		begun = true
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}

// closing is where the single quote that opens at i closes.
func closing(line string, i int) int {
	if end := strings.IndexByte(line[i+1:], '\''); end >= 0 {
		return i + 1 + end
	}
	return len(line)
}

// quoted reads double quotes that open at i, and returns where they close.
func quoted(line string, i int, word *strings.Builder) int {
	for i++; i < len(line) && line[i] != '"'; i++ {
		if line[i] == '\\' && i+1 < len(line) && strings.IndexByte("\\\"$`", line[i+1]) >= 0 {
			i++
		}
		word.WriteByte(line[i])
	}
	return i
}

// unescape turns the octal escapes of printf's %b back: a backslash, a zero and
// up to three digits.
func unescape(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if digits := octal(text[i:]); digits != "" {
			value, _ := strconv.ParseUint(digits, 8, 9) // three octal digits always fit
			out.WriteByte(byte(value))
			i += 1 + len(digits)
			continue
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// octal returns the digits, after the zero, of an escape that text begins with.
func octal(text string) string {
	if !strings.HasPrefix(text, `\0`) {
		return ""
	}
	end := 2
	for end < len(text) && end < 5 && text[end] >= '0' && text[end] <= '7' {
		end++
	}
	return text[2:end]
}
