package server

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// After how long an empty line tells the client that we are there: at the
// beginning, while an error can still be a problem of its own, and later.
const (
	firstQuiet = 200 * time.Millisecond
	quiet      = 15 * time.Second
)

// admitAgain is after how long a client is asked anew whether it may: its token can be
// revoked, or expire, while it has a stream open.
const admitAgain = time.Second

// item is what a sequence yields.
type item struct {
	object Object
	err    error
}

// stream answers with one object a line, as they come. An error before the first
// is a problem like any other; a later one is the last line, of type "problem".
func (s *Server) stream(c *call, begin func(context.Context) iter.Seq2[Object, error]) error {
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	items := make(chan item)
	go func() {
		defer close(items)
		for o, err := range begin(ctx) {
			select {
			case items <- item{o, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	defer func() {
		cancel(nil)
		for range items { // until the sequence has ended
		}
	}()
	return s.copy(c, items)
}

// copy writes what comes until it ends, the client leaves, may no longer or the daemon
// ends.
func (s *Server) copy(c *call, items <-chan item) error {
	still := time.NewTicker(firstQuiet)
	defer still.Stop()
	again := time.NewTicker(admitAgain)
	defer again.Stop()
	for {
		var line []byte
		select {
		case i, more := <-items:
			if !more {
				return c.line(nil)
			}
			if i.err != nil {
				return c.broken(i.err)
			}
			line = i.object
		case <-still.C:
		case <-again.C:
			if err := c.admit(); err != nil {
				return c.broken(err)
			}
			continue
		case <-s.ending:
			return c.broken(ErrEnding)
		case <-c.Context().Done():
			return context.Cause(c.Context())
		}
		if err := c.line(line); err != nil {
			return err
		}
		still.Reset(quiet)
	}
}

// line writes one line; the first one writes the head before it. nil writes
// nothing but that, or an empty line to one who waits.
func (c *call) line(o Object) error {
	if !c.answered {
		c.begin(http.StatusOK, "application/x-ndjson")
		if o == nil {
			return c.control.Flush()
		}
	}
	return c.write(append(o[:len(o):len(o)], '\n'))
}

// broken ends a stream with an error.
func (c *call) broken(err error) error {
	if c.answered {
		_ = c.write(append(problemOf(err).encode("problem"), '\n')) // err says more than that the client left
	}
	return err
}

// parseQuery takes each parameter once.
func parseQuery(raw string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, BadRequest("", err)
	}
	once := map[string]string{}
	for name, all := range values {
		once[name] = all[len(all)-1]
	}
	return once, nil
}
