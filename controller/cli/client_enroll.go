package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/inventory"
)

// enroll has the daemon enroll hosts, and shows what becomes of each.
func (c *client) enroll(ctx context.Context, ask server.EnrollRequest, yes bool) error {
	hosts, err := c.in.hosts(ctx, ask.Selector)
	if err != nil {
		return err
	}
	if !yes {
		if err := c.in.app.confirm(ctx, "enroll", len(hosts)); err != nil {
			return err
		}
	}
	told, err := c.enrolled(ctx, ask, len(hosts))
	if err != nil && len(told) == 0 {
		return err
	}
	if err == nil {
		err = errors.New("the daemon does not say what became of it")
	}
	results := make([]engine.Result, len(hosts))
	for i, h := range hosts {
		results[i].Host = h.Name
		if l, some := told[h.Name]; !some {
			results[i].Err = fmt.Errorf("%s: %w", h.Name, err)
		} else if l.Error != "" {
			results[i].Err = errors.New(l.Error)
		}
	}
	return failures(results)
}

// enrolled shows each host as it ends, and returns those of which the daemon has
// told before an error.
func (c *client) enrolled(ctx context.Context, ask server.EnrollRequest, hosts int) (map[inventory.HostName]enrolledLine, error) {
	bar := c.in.app.newProgress(hosts)
	defer bar.end()
	told := map[inventory.HostName]enrolledLine{}
	for l, err := range stream[enrolledLine](ctx, c, http.MethodPost, "/v1/hosts/enroll", ask) {
		if ctx.Err() != nil {
			return told, errors.New("interrupted before its end")
		}
		if err != nil {
			return told, err
		}
		told[l.Host] = l
		bar.finish(l.Host, l.Error == "")
		if err := bar.above(func() error { return c.in.app.print(l) }); err != nil {
			return told, err
		}
	}
	return told, nil
}
