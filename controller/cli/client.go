package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/inventory"
)

// client asks the daemon of this installation, through its socket.
type client struct {
	in   *installation
	http *http.Client
}

const socketName = "api.sock"

// client returns a client if a daemon answers, else nil: then a command does its
// work itself, or finds out that it cannot have the state folder.
func (in *installation) client(ctx context.Context) *client {
	if in.request != nil {
		return nil // this is the daemon
	}
	socket := filepath.Join(in.State, socketName)
	if _, err := os.Stat(socket); err != nil {
		return nil
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", socket)
	}
	c := &client{in, &http.Client{Transport: &http.Transport{DialContext: dial}}}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := c.get(ctx, "/v1/version", nil); err != nil {
		in.app.log.DebugContext(ctx, "no daemon answers", "error", err)
		return nil
	}
	return c
}

// get asks for an object.
func (c *client) get(ctx context.Context, path string, into any) error {
	return c.ask(ctx, http.MethodGet, path, nil, into)
}

// post asks for something to be done; body may be nil.
func (c *client) post(ctx context.Context, path string, body, into any) error {
	return c.ask(ctx, http.MethodPost, path, body, into)
}

func (c *client) ask(ctx context.Context, method, path string, body, into any) error {
	answer, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	return read(answer, into)
}

// read reads an answer that is one object; into may be nil.
func read(answer *http.Response, into any) error {
	defer answer.Body.Close()
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("cannot read the daemon's answer: %w", err)
	}
	return nil
}

// send sends a request, and returns an answer that is no problem.
func (c *client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	if body == nil {
		return c.transfer(ctx, method, path, "", nil)
	}
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return c.transfer(ctx, method, path, "application/json", bytes.NewReader(data))
}

// transfer is send for a body of any kind; "" is none.
func (c *client) transfer(ctx context.Context, method, path, kind string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://aptfleet"+path, body)
	if err != nil {
		return nil, err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if person := os.Getenv("SUDO_USER"); person != "" {
		r.Header.Set(server.OnBehalf, person)
	}
	answer, err := c.http.Do(r)
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if err != nil {
		return nil, fmt.Errorf("cannot ask the daemon: %w", err)
	}
	if answer.StatusCode/100 == 2 {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, problemIn(answer)
}

// problem is an error as the daemon tells it.
type problem struct {
	Type   string `json:"type"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func (p problem) Error() string { return p.Detail }

// err is the error that the command would have had itself.
func (p problem) err() error {
	if p.Status == http.StatusBadRequest {
		return &exitError{exitUsage, p}
	}
	return p
}

func problemIn(answer *http.Response) error {
	var p problem
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&p); err != nil || kind != "application/problem+json" {
		return fmt.Errorf("the daemon answers %s", answer.Status)
	}
	return p.err()
}

// items asks for a list of lines.
func items[L line](ctx context.Context, c *client, path string) ([]L, error) {
	return itemsOf[L](ctx, c, http.MethodGet, path, nil)
}

// itemsOf asks for something to be done that is answered by a list of lines.
func itemsOf[L line](ctx context.Context, c *client, method, path string, body any) ([]L, error) {
	answer, err := c.send(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	return itemsIn[L](answer)
}

// itemsIn reads a list of lines.
func itemsIn[L line](answer *http.Response) ([]L, error) {
	var list struct {
		Items []server.Object `json:"items"`
	}
	if err := read(answer, &list); err != nil {
		return nil, err
	}
	return decodeAll[L](list.Items)
}

func (c *client) history(ctx context.Context) ([]historyLine, error) {
	return items[historyLine](ctx, c, "/v1/rollouts")
}

func (c *client) actions(ctx context.Context) ([]actionLine, error) {
	return items[actionLine](ctx, c, "/v1/actions")
}

func (c *client) status(ctx context.Context, id rollout.ID) (l statusLine, err error) {
	err = c.get(ctx, rolloutPath(id), &l)
	return l, err
}

func (c *client) logs(ctx context.Context, id rollout.ID, host inventory.HostName) ([]logLine, error) {
	return items[logLine](ctx, c, rolloutPath(id)+"/logs/"+url.PathEscape(string(host)))
}

func rolloutPath(id rollout.ID) string { return "/v1/rollouts/" + string(id) }

// events reads the stream.
func (c *client) events(ctx context.Context, id rollout.ID, after int) iter.Seq2[eventLine, error] {
	return stream[eventLine](ctx, c, http.MethodGet, fmt.Sprintf("%s/events?after=%d&follow=true", rolloutPath(id), after), nil)
}
