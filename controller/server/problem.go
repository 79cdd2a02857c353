package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/packaging/aptrepo"
)

// Problem is an error as a client gets it, RFC 9457. Interfaces return one where
// they know better than statusOf what went wrong.
type Problem struct {
	Status int    // of HTTP
	Detail string // the whole error, for people
	Host   string // that it is about, as are the following; "" if none
	Step   string
	Key    string // of the request
}

func (p *Problem) Error() string { return p.Detail }

// BadRequest returns the problem of a request that can't be meant, because of one
// of its keys; "" if it is none in particular.
func BadRequest(key string, err error) *Problem {
	return &Problem{Status: http.StatusBadRequest, Key: key, Detail: err.Error()}
}

// wireProblem is a Problem as JSON.
type wireProblem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Host   string `json:"host,omitempty"`
	Step   string `json:"step,omitempty"`
	Key    string `json:"key,omitempty"`
}

// problemOf makes a problem of any error.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return &Problem{Status: p.Status, Detail: err.Error(), Host: p.Host, Step: p.Step, Key: p.Key}
	}
	return &Problem{Status: statusOf(err), Detail: err.Error()}
}

// causes lists the errors of other rooms that a client is to tell from failures
// of ours.
var causes = map[error]int{
	journal.ErrNotFound:     http.StatusNotFound,
	aptrepo.ErrNoSuite:      http.StatusNotFound,
	aptrepo.ErrNotPublished: http.StatusNotFound,
	aptrepo.ErrNoRepository: http.StatusNotFound,
	aptrepo.ErrConflict:     http.StatusConflict,
	aptrepo.ErrFrozen:       http.StatusConflict,
	ErrEnding:               http.StatusServiceUnavailable,
}

func statusOf(err error) int {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	if _, ok := errors.AsType[*journal.FencedError](err); ok {
		return http.StatusConflict
	}
	for cause, status := range causes {
		if errors.Is(err, cause) {
			return status
		}
	}
	return http.StatusInternalServerError
}

// ErrEnding is returned for what is asked of a daemon that ends.
var ErrEnding = errors.New("the daemon is ending")

func (p *Problem) encode(kind string) []byte {
	data, err := json.Marshal(wireProblem{kind, http.StatusText(p.Status), p.Status, p.Detail, p.Host, p.Step, p.Key})
	if err != nil {
		return []byte(fmt.Sprintf(`{"type":%q,"status":%d}`, kind, p.Status)) // nothing in it can fail
	}
	return data
}

// problem answers with a problem. It may be long after the request.
func (c *call) problem(p *Problem) {
	c.answered, c.status = true, p.Status
	if c.mayWrite() == nil {
		p.write(c.w)
	}
}

// write answers with the problem.
func (p *Problem) write(w http.ResponseWriter) {
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="aptfleet"`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(p.encode("about:blank"), '\n')) // whoever left needs no answer
}
