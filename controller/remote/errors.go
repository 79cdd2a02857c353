package remote

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/aptfleet/aptfleet/inventory"
)

// The kinds of trouble that a caller may act on. What a Link returns carries
// the host's name, the cause and what to do about it around one of them.
var (
	// ErrUnreachable: no connection came about; nothing ran.
	ErrUnreachable = errors.New("host is unreachable")
	// ErrLost: the connection went while the command ran, which may have done
	// all, some or nothing of its work and may still be at it.
	ErrLost = errors.New("connection lost")
	// ErrHostKey: the host did not show the key that known_hosts has.
	ErrHostKey = errors.New("host key is not trusted")
	// ErrAuth: the host refused the login, or there is no key to log in with.
	ErrAuth = errors.New("login refused")
	// ErrBecome: the login works but may not become root.
	ErrBecome = errors.New("cannot become root")
	// ErrOutput: the command ended but wrote more than Options.MaxOutput; the
	// rest was dropped.
	ErrOutput = errors.New("too much output")
)

// trouble is an error of one of the kinds above in words of its own.
type trouble struct {
	kind  error
	text  string
	cause error // may be nil
}

func (t *trouble) Error() string {
	if t.cause == nil {
		return t.text
	}
	return t.text + ": " + t.cause.Error()
}

// Unwrap makes it an error of its kind and of its cause at once.
func (t *trouble) Unwrap() []error {
	if t.cause == nil {
		return []error{t.kind}
	}
	return []error{t.kind, t.cause}
}

// hostError is what leaves a Link: an error with the host's name before it. Some
// of its words come from the host, which must not reach a terminal as it likes.
type hostError struct {
	host inventory.HostName
	err  error
}

func (h *hostError) Error() string { return string(h.host) + ": " + printable(h.err.Error()) }

func (h *hostError) Unwrap() error { return h.err }

// maxText bounds an error's text, in bytes.
const maxText = 2000

// printable returns s with what is not printable escaped, and an end.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if b.Len() > maxText {
			b.WriteString("…")
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// ExitError says that a command ran to its end and that its status was not 0.
type ExitError struct {
	Command string // its first word
	Status  int    // 128 + n if signal n ended it
	Signal  string // its name without SIG, or ""
	Stderr  string // the end of what it wrote there, at most 4 KiB
}

// Error ends with the last line that the command wrote to stderr: that one most
// often says why.
func (e *ExitError) Error() string {
	how := fmt.Sprintf("exited with %d", e.Status)
	if e.Signal != "" {
		how = "was killed by SIG" + e.Signal
	}
	if last := lastLine(e.Stderr); last != "" {
		how += ": " + last
	}
	return e.Command + " " + how
}

// ExitStatus is Status, for callers that know of no ExitError.
func (e *ExitError) ExitStatus() int { return e.Status }

// lastLine returns the last line of s that is not blank.
func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}
