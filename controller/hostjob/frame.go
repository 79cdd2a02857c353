package hostjob

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// state is what the host says of a job.
type state string

const (
	running  state = "running"
	ended    state = "ended"
	died     state = "died"     // without an end, on a host that is still up
	rebooted state = "rebooted" // its host was restarted under it
	absent   state = "absent"   // there is no such job
	refused  state = "refused"
)

// frame is one answer of a host: the job's state, and what log and status have
// grown by since the offsets that were asked for.
type frame struct {
	state   state
	refusal error

	log, status         []byte
	logSize, statusSize int64 // of the files, which may have more than fits one answer
	result              []byte
}

const frameMark = "aptfleet-job "

// parseFrame reads an answer. Whatever a login shell's own files print before it
// is skipped.
func parseFrame(out []byte) (frame, error) {
	at := bytes.Index(out, []byte(frameMark))
	if at > 0 && out[at-1] != '\n' {
		at = -1
	}
	header, body, whole := bytes.Cut(out[max(at, 0):], []byte("\n"))
	if at < 0 || !whole {
		return frame{}, fmt.Errorf("cannot read the host's answer: it begins with %q", out[:min(len(out), 80)])
	}
	words := strings.Fields(string(header))
	if len(words) > 1 && words[1] == string(refused) {
		return frame{state: refused, refusal: parseRefusal(words[2:])}, nil
	}
	return parseNews(words, body)
}

func parseNews(words []string, body []byte) (frame, error) {
	if len(words) != 7 {
		return frame{}, fmt.Errorf("cannot read the host's answer %q: want 7 words", strings.Join(words, " "))
	}
	var n [5]int64
	for i := range n {
		v, err := strconv.ParseInt(words[2+i], 10, 64)
		if err != nil || v < 0 {
			return frame{}, fmt.Errorf("cannot read the host's answer %q: %q is no size", strings.Join(words, " "), words[2+i])
		}
		n[i] = v
	}
	logLen, statusLen, resultLen := n[1], n[3], n[4]
	if rest := int64(len(body)); logLen > rest || statusLen > rest-logLen || resultLen != rest-logLen-statusLen {
		return frame{}, fmt.Errorf("cannot read the host's answer %q: %d bytes follow", strings.Join(words, " "), len(body))
	}
	f := frame{state: state(words[1]), logSize: n[0], statusSize: n[2]}
	switch f.state {
	case running, ended, died, rebooted, absent:
	default:
		return frame{}, fmt.Errorf("cannot read the host's answer: unknown state %q", f.state)
	}
	f.log, f.status, f.result = body[:logLen], body[logLen:logLen+statusLen], body[logLen+statusLen:]
	return f, nil
}

// LeaseError says that somebody else is at work on the host.
type LeaseError struct {
	Owner string
	Until time.Time // by the host's clock
}

func (e *LeaseError) Error() string {
	return fmt.Sprintf("cannot start a job: %s holds the lease of this host until %s", e.Owner, e.Until.UTC().Format(time.RFC3339))
}

// parseRefusal reads why the host did not start a job.
func parseRefusal(words []string) error {
	switch {
	case len(words) == 3 && words[0] == "leased":
		until, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return fmt.Errorf("cannot read the expiry of a lease: %w", err)
		}
		return &LeaseError{Owner: words[2], Until: time.Unix(until, 0)}
	case len(words) == 1 && words[0] == "differs":
		return ErrOtherSpec
	case len(words) > 1 && words[0] == "failed":
		return fmt.Errorf("cannot start a job: the host %s", strings.Join(words[1:], " "))
	}
	return fmt.Errorf("cannot start a job: the host refuses it with %q", strings.Join(words, " "))
}
