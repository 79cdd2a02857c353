package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

// call is one request and its answer.
type call struct {
	*http.Request
	w        http.ResponseWriter
	control  *http.ResponseController
	whole    io.ReadCloser // the body, for whom maxBody does not bind
	actor    Actor
	admit    func() error // whether the actor may, as things are now; a refusal is recorded
	what     string       // what it is about, for the history
	answered bool         // the answer has begun, so that it can be no problem any more
	status   int          // of the answer
}

// Bounds of requests. Uploads have their own.
const (
	maxBody   = 1 << 20
	bodyTime  = 30 * time.Second // in which a body must have come
	writeTime = 30 * time.Second // in which a client must have taken a part of an answer
)

// bound limits what the client may send, and how slowly. Where there is no body
// the connection is read all the same, to notice that the client leaves, and so
// must have no deadline.
func (c *call) bound() error {
	c.whole, c.Body = c.Body, http.MaxBytesReader(c.w, c.Body, maxBody)
	if c.ContentLength == 0 {
		return nil
	}
	return c.control.SetReadDeadline(time.Now().Add(bodyTime))
}

// bodyRead ends the deadline of the body.
func (c *call) bodyRead() error { return c.control.SetReadDeadline(time.Time{}) }

// decode reads the body, which is one JSON object without keys that into does
// not have. An empty body is an empty object.
func (c *call) decode(into any) error {
	if kind, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type")); c.ContentLength != 0 && kind != "application/json" {
		return &Problem{Status: http.StatusUnsupportedMediaType, Detail: fmt.Sprintf("cannot read a body of %q: want application/json", kind)}
	}
	data, err := io.ReadAll(c.Body)
	if err := errors.Join(err, c.bodyRead()); err != nil {
		return err
	}
	if len(data) == 0 {
		return nil
	}
	return readObject(data, into)
}

// badJSON says which key is wrong, where the decoder does.
func badJSON(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return BadRequest(wrong.Field, fmt.Errorf("%s: must not be %s", wrong.Field, wrong.Value))
	}
	if key, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		key = strings.Trim(key, `"`)
		return BadRequest(key, fmt.Errorf("%s: unknown key", key))
	}
	return BadRequest("", fmt.Errorf("cannot read the request: %w", err))
}

// query returns the parameters of the address, and refuses others than the named.
func (c *call) query(names ...string) (map[string]string, error) {
	given, err := parseQuery(c.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(names, name) {
			return nil, BadRequest(name, fmt.Errorf("%s: unknown parameter", name))
		}
	}
	return given, nil
}

// rollout returns the rollout that the path names.
func (c *call) rollout() (rollout.ID, error) {
	id, err := rollout.ParseID(c.PathValue("id"))
	if err != nil {
		return "", BadRequest("id", err)
	}
	return id, nil
}

// begin writes the head of the answer.
func (c *call) begin(status int, kind string) {
	c.answered, c.status = true, status
	h := c.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	c.w.WriteHeader(status)
}

// write writes a part of the answer, within writeTime.
func (c *call) write(data []byte) error {
	if err := c.mayWrite(); err != nil {
		return err
	}
	if _, err := c.w.Write(data); err != nil {
		return err
	}
	return c.control.Flush()
}

// mayWrite begins the time for the next part of the answer.
func (c *call) mayWrite() error { return c.control.SetWriteDeadline(time.Now().Add(writeTime)) }

// object answers with one object.
func (c *call) object(status int, o Object) error {
	c.begin(status, "application/json")
	return c.write(append(slices.Clone(o), '\n'))
}

// items answers with a list.
func (c *call) items(all []Object) error {
	if all == nil {
		all = []Object{}
	}
	data, err := json.Marshal(map[string][]Object{"items": all})
	if err != nil {
		return err
	}
	return c.object(http.StatusOK, data)
}

// nothing answers that it is done.
func (c *call) nothing() error {
	c.answered, c.status = true, http.StatusNoContent
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
