package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// stream asks for lines that come as things happen.
func stream[L line](ctx context.Context, c *client, method, path string, body any) iter.Seq2[L, error] {
	return func(yield func(L, error) bool) {
		answer, err := c.send(ctx, method, path, body)
		if err != nil {
			yield(*new(L), err)
			return
		}
		defer answer.Body.Close()
		lines := bufio.NewReader(answer.Body)
		for {
			text, err := lines.ReadString('\n')
			if errors.Is(err, io.EOF) && text == "" {
				return
			}
			l, some, err := readLine[L](text, err)
			if (some || err != nil) && !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// showProgress moves the bar as the daemon tells how far hosts are. What hinders that is
// nobody's concern: what has happened is told by events.
func (c *client) showProgress(ctx context.Context, id rollout.ID, bar *progress) (stop func()) {
	if c.in.app.json || c.in.app.quiet {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		views := map[inventory.HostName]*jobProgress{}
		for l, err := range stream[progressLine](ctx, c, http.MethodGet, rolloutPath(id)+"/progress", nil) {
			if err != nil {
				return
			}
			if views[l.Host] == nil {
				views[l.Host] = &jobProgress{app: c.in.app, bar: bar, host: l.Host}
			}
			views[l.Host].set(l.Percent, l.Waits)
		}
	}()
	return func() { cancel(); <-done }
}

// readLine reads a line of a stream; some are empty.
func readLine[L line](text string, err error) (l L, some bool, _ error) {
	if err != nil {
		return l, false, fmt.Errorf("the daemon has gone away: %w", err)
	}
	if strings.TrimSpace(text) == "" {
		return l, false, nil
	}
	var head struct {
		Type string `json:"type"`
	}
	var p problem
	err = json.Unmarshal([]byte(text), &head)
	switch {
	case err != nil:
	case head.Type == "problem":
		if err = json.Unmarshal([]byte(text), &p); err == nil {
			return l, false, p.err()
		}
	default:
		err = json.Unmarshal([]byte(text), &l)
	}
	if err != nil {
		return l, false, fmt.Errorf("cannot read the daemon's answer: %w", err)
	}
	return l, true, nil
}
