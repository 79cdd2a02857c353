package hostjob

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/aptfleet/aptfleet/pkg/lazyregexp"
)

// Holder is the process that has a lock which the job waits for.
type Holder struct {
	PID     int
	Program string
}

// Progress is how far a job is. What is a string in it was written by the host.
type Progress struct {
	Phase   string  // repair-before, refresh, prefetch, install, verify, repair-after
	Percent float64 // of the whole job, 0 to 100, never falling
	Package string  // what dpkg works on, or ""
	Text    string  // apt's own words for it
	Said    string  // the last line of the log, unless it only says what dpkg begins
	Holder  Holder  // of the lock that is waited for; zero if there is none
	Lost    string  // why the host cannot be reached at the moment, or ""
}

const maxNotes = 50 // more are nobody's but a script's that writes where it should not

// spans are the parts of a job's 100 percent that apt's own percents of each
// kind fill.
var spans = map[string]struct{ from, to float64 }{
	"refresh":  {0, 10},
	"dlstatus": {10, 40},
	"pmstatus": {40, 99},
}

// tracker reads the status file and the log's end into a Progress.
type tracker struct {
	now   Progress
	notes []string
	rest  []byte // of the status file, a line that is not whole yet
}

// status reads more of the status file: apt's lines (README.progress-reporting
// of apt) and ours. Maintainer scripts can write there too, so that lines which
// are neither are passed over.
func (t *tracker) status(news []byte) {
	t.rest = append(t.rest, news...)
	for {
		line, rest, whole := bytes.Cut(t.rest, []byte("\n"))
		if !whole {
			break
		}
		t.line(clean(string(line)))
		t.rest = rest
	}
	if len(t.rest) > 4096 {
		t.rest = nil // no line of apt's
	}
}

func (t *tracker) line(line string) {
	kind, rest, _ := strings.Cut(line, ":")
	if kind == "aptfleet" {
		t.ours(rest)
		return
	}
	subject, percent, text, ok := splitStatus(rest)
	if !ok {
		return
	}
	t.now.Holder = Holder{}
	switch kind {
	case "dlstatus":
		t.now.Package, t.now.Text = "", text
		if t.now.Phase == "refresh" {
			kind = "refresh"
		}
		t.advance(kind, percent)
	case "pmstatus":
		t.now.Package, t.now.Text = strings.TrimSuffix(subject, "dpkg-exec"), text
		t.advance(kind, percent)
	}
}

// ours takes a note of the work itself.
func (t *tracker) ours(note string) {
	kind, text, _ := strings.Cut(note, ":")
	switch kind {
	case "phase":
		t.now.Phase, t.now.Package, t.now.Text = text, "", ""
	case "note":
		if len(t.notes) == maxNotes {
			return
		}
		t.notes = append(t.notes, strings.TrimRight(text, ": "))
	}
}

func (t *tracker) advance(kind string, percent float64) {
	s := spans[kind]
	t.now.Percent = max(t.now.Percent, s.from+(s.to-s.from)*math.Min(percent, 100)/100)
}

// splitStatus takes "SUBJECT:PERCENT:TEXT" apart. A subject may have a colon,
// so that the first field that is a percent decides.
func splitStatus(s string) (subject string, percent float64, text string, ok bool) {
	for at := 0; ; {
		i := strings.IndexByte(s[at:], ':')
		if i < 0 {
			return "", 0, "", false
		}
		at += i + 1
		field, rest, _ := strings.Cut(s[at:], ":")
		p, err := strconv.ParseFloat(field, 64)
		if err == nil && p >= 0 && strings.Contains(field, ".") {
			return s[:at-1], p, rest, true
		}
	}
}

var lockHeld = lazyregexp.New(`Could not get lock .*It is held by process (\d+) \(([^)]*)\)`)

// log notes what was said last, and looks whether it is that a lock is held.
func (t *tracker) log(end []byte) {
	end = bytes.TrimRight(end, "\r\n")
	line := end[bytes.LastIndexByte(end, '\n')+1:]
	t.now.Said = ""
	if lines := logLines(line); len(lines) > 0 && !strings.HasSuffix(lines[0], "...") {
		t.now.Said = lines[0]
	}
	if bytes.HasPrefix(line, []byte("E: Unable to lock directory")) { // says so a line before
		line = end
	}
	m := lockHeld().FindSubmatch(line)
	if m == nil {
		return
	}
	if pid, err := strconv.Atoi(string(m[1])); err == nil {
		t.now.Holder = Holder{PID: pid, Program: string(m[2])}
	}
}
