package server

import (
	"context"
	"errors"
	"iter"

	"github.com/aptfleet/aptfleet/inventory"
)

// Hosts is all that the API needs to know of the inventory's hosts.
type Hosts interface {
	// Hosts returns each "host" that a selector picks; "" picks all.
	Hosts(ctx context.Context, selector string) ([]Object, error)
	// Ping yields a "ping" of each, as they answer.
	Ping(ctx context.Context, selector string) iter.Seq2[Object, error]
	// Enroll yields an "enrolled" of each, as they end.
	Enroll(ctx context.Context, by string, ask EnrollRequest) iter.Seq2[Object, error]
}

// EnrollRequest is which hosts are to be given what.
type EnrollRequest struct {
	Selector string   `json:"selector"`
	Suites   []string `json:"suites,omitempty"` // that they see; none is all
	Agent    *bool    `json:"agent,omitempty"`  // whether they get one too; nil is where the bus listens to agents
}

var errNoSelector = BadRequest("selector", errors.New("selector: say on which hosts; \"all\" is all of them"))

// Agents is all that it needs to know of what hosts report.
type Agents interface {
	// Health returns the "health" of each host that a selector picks.
	Health(ctx context.Context, selector string) ([]Object, error)
	// Forget revokes the agent of a host.
	Forget(ctx context.Context, by string, host inventory.HostName) error
}

func (s *Server) hosts(c *call) error {
	given, err := c.query("selector")
	if err != nil {
		return err
	}
	all, err := s.Hosts.Hosts(c.Context(), given["selector"])
	if err != nil {
		return err
	}
	return c.items(all)
}

func (s *Server) ping(c *call) error {
	var ask struct {
		Selector string `json:"selector"`
	}
	if err := c.decode(&ask); err != nil {
		return err
	}
	if ask.Selector == "" {
		return errNoSelector
	}
	return s.stream(c, func(ctx context.Context) iter.Seq2[Object, error] { return s.Hosts.Ping(ctx, ask.Selector) })
}

func (s *Server) enroll(c *call) error {
	var ask EnrollRequest
	if err := c.decode(&ask); err != nil {
		return err
	}
	if c.what = ask.Selector; c.what == "" {
		return errNoSelector
	}
	return s.stream(c, func(ctx context.Context) iter.Seq2[Object, error] { return s.Hosts.Enroll(ctx, c.actor.Name, ask) })
}

func (s *Server) health(c *call) error {
	given, err := c.query("selector")
	if err != nil {
		return err
	}
	all, err := s.Agents.Health(c.Context(), given["selector"])
	if err != nil {
		return err
	}
	return c.items(all)
}

func (s *Server) forget(c *call) error {
	c.what = c.PathValue("host")
	if err := s.Agents.Forget(c.Context(), c.actor.Name, inventory.HostName(c.what)); err != nil {
		return err
	}
	return c.nothing()
}
