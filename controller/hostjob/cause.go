package hostjob

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/lazyregexp"
)

// Cause is why a job failed, in words for a person.
type Cause struct {
	Package string   // whose maintainer script or archive it was, or ""
	Text    string   // one line
	Output  []string // what that script, or apt, said last; at most maxOutput lines
}

// String is the cause in one line, with the last word of a script that failed.
func (c Cause) String() string {
	if c.Package == "" || len(c.Output) == 0 {
		return c.Text
	}
	return c.Text + ": " + c.Output[len(c.Output)-1]
}

const (
	maxOutput = 10
	maxLine   = 500 // bytes kept of a line that a host wrote
)

var (
	packageFailed = lazyregexp.New(`^dpkg: error processing (?:package|archive) (\S+) \(--([a-z-]+)\):$`)
	scriptFailed  = lazyregexp.New(`^(?:installed|new|old) (\S+) package (\S+) (?:maintainer )?script subprocess (.*)$`)
	packageBegins = lazyregexp.New(`^(?:Setting up|Unpacking|Preparing to unpack|Removing|Processing triggers for|Purging configuration files for) `)
	diskFull      = lazyregexp.New(`No space left on device|You don't have enough free space`)
)

// findCause reads from the end of a log what went wrong: the first package that
// dpkg gave up, since those that follow mostly depend on it, else apt's own
// first error. One of the targets goes before what was broken already.
func findCause(log []byte, targets []Target) Cause {
	lines := logLines(log)
	var first *Cause
	for i, line := range lines {
		m := packageFailed().FindStringSubmatch(line)
		if m == nil {
			continue
		}
		c := packageCause(m[1], lines[:i], lines[i+1:])
		if slices.ContainsFunc(targets, func(t Target) bool { return t.Name == c.Package }) {
			return c
		}
		if first == nil {
			first = &c
		}
	}
	if first != nil {
		return *first
	}
	return aptCause(lines)
}

// packageCause says what dpkg and the package said before and after its error.
func packageCause(name string, before, after []string) Cause {
	c := Cause{Package: strings.TrimSuffix(name[strings.LastIndex(name, "/")+1:], ".deb"), Output: lastWords(before)}
	reason := ""
	if len(after) > 0 {
		reason = strings.TrimSpace(after[0])
	}
	m := scriptFailed().FindStringSubmatch(reason)
	switch {
	case diskFull().MatchString(reason):
		c.Text = fmt.Sprintf("no space is left on the host for %s", c.Package)
	case strings.Contains(reason, "conffile prompt"):
		c.Text = fmt.Sprintf("a configuration file of %s was edited, and nobody is there to ask", c.Package)
	case m != nil:
		c.Package = m[1]
		c.Text = fmt.Sprintf("the %s script of %s %s", m[2], m[1], strings.Replace(m[3], "returned error exit status", "failed with", 1))
	default:
		c.Text = fmt.Sprintf("dpkg cannot process %s: %s", c.Package, reason)
	}
	return c
}

// lastWords are the lines since dpkg began with its last package.
func lastWords(lines []string) []string {
	begin := len(lines)
	for begin > 0 && len(lines)-begin < maxOutput && !packageBegins().MatchString(lines[begin-1]) {
		begin--
	}
	return lines[begin:]
}

// aptCause is apt's own errors. The first is the cause, those that follow are
// its consequences.
func aptCause(lines []string) Cause {
	var errors []string
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, "E: "); ok && len(errors) < maxOutput && !slices.Contains(errors, text) {
			errors = append(errors, text)
		}
	}
	if len(errors) == 0 {
		return Cause{}
	}
	c := Cause{Text: errors[0], Output: errors[1:]}
	if m := lockHeld().FindString(strings.Join(lines, "\n")); m != "" && strings.Contains(c.Text, "lock") {
		c.Text = m
	}
	if diskFull().MatchString(strings.Join(errors, "\n")) {
		c.Text = "no space is left on the host: " + c.Text
	}
	return c
}

// logLines splits a log as a person would see it: what a carriage return
// overwrote is gone, control characters are shown as blanks.
func logLines(log []byte) []string {
	var lines []string
	for line := range strings.Lines(string(log)) {
		line = strings.TrimRight(line, "\r\n")
		line = line[strings.LastIndexByte(line, '\r')+1:]
		if line = strings.TrimRight(clean(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// clean bounds a line that a host wrote and makes it safe for a terminal.
func clean(line string) string {
	return strings.Map(printable, line[:min(len(line), maxLine)])
}

func printable(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 {
		return ' '
	}
	return r
}
