package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// Repository is all that the API needs to know of the repository.
type Repository interface {
	// Packages returns each "package" of a suite; "" is of all suites.
	Packages(suite string) ([]Object, error)
	// Publish puts package files into a suite, all or none, and returns their
	// "package"s.
	Publish(ctx context.Context, suite string, files []string) ([]Object, error)
	// Promote copies a version between suites, and returns its "package"s.
	Promote(ctx context.Context, name, version, from, to string) ([]Object, error)
	Remove(ctx context.Context, suite, name, version string) error
	// Sign signs all suites anew.
	Sign(ctx context.Context) error
	// Prune takes away all but the newest versions, 0 is as many as configured,
	// and returns each thing "pruned".
	Prune(ctx context.Context, keep int) ([]Object, error)
	// Faults reads everything again and returns what is wrong.
	Faults(ctx context.Context) ([]string, error)
}

func (s *Server) packages(c *call) error {
	given, err := c.query("suite")
	if err != nil {
		return err
	}
	all, err := s.Repository.Packages(given["suite"])
	if err != nil {
		return err
	}
	return c.items(all)
}

// publish takes the packages as the body.
func (s *Server) publish(c *call) error {
	suite := c.PathValue("suite")
	c.what = "to " + suite
	sent, err := s.upload(c)
	if err != nil {
		return err
	}
	defer sent.remove()
	if err := c.admit(); err != nil { // a large package may have taken hours
		return err
	}
	published, err := s.Repository.Publish(c.Context(), suite, sent.paths)
	if err != nil {
		return sent.hide(err)
	}
	c.what = nameOf(published) + " to " + suite
	return c.items(published)
}

func (s *Server) promote(c *call) error {
	var ask struct {
		Package string `json:"package"`
		Version string `json:"version"`
		From    string `json:"from"`
		To      string `json:"to"`
	}
	if err := c.decode(&ask); err != nil {
		return err
	}
	c.what = fmt.Sprintf("%s %s from %s to %s", ask.Package, ask.Version, ask.From, ask.To)
	if slices.Contains([]string{ask.Package, ask.Version, ask.From, ask.To}, "") {
		return BadRequest("", errors.New("package, version, from and to must be said"))
	}
	promoted, err := s.Repository.Promote(c.Context(), ask.Package, ask.Version, ask.From, ask.To)
	if err != nil {
		return err
	}
	return c.items(promoted)
}

func (s *Server) remove(c *call) error {
	suite, name, version := c.PathValue("suite"), c.PathValue("package"), c.PathValue("version")
	c.what = fmt.Sprintf("%s %s from %s", name, version, suite)
	if err := s.Repository.Remove(c.Context(), suite, name, version); err != nil {
		return err
	}
	return c.nothing()
}

func (s *Server) sign(c *call) error {
	c.what = "all suites"
	if err := c.decode(&struct{}{}); err != nil {
		return err
	}
	if err := s.Repository.Sign(c.Context()); err != nil {
		return err
	}
	return c.nothing()
}

func (s *Server) prune(c *call) error {
	var ask struct {
		Keep int `json:"keep"`
	}
	if err := c.decode(&ask); err != nil {
		return err
	}
	if ask.Keep < 0 {
		return BadRequest("keep", fmt.Errorf("keep: %d versions is less than none", ask.Keep))
	}
	pruned, err := s.Repository.Prune(c.Context(), ask.Keep)
	if err != nil {
		return err
	}
	c.what = fmt.Sprintf("%d versions and files", len(pruned))
	return c.items(pruned)
}

func (s *Server) verify(c *call) error {
	faults, err := s.Repository.Faults(c.Context())
	if err != nil {
		return err
	}
	if faults == nil {
		faults = []string{}
	}
	data, err := json.Marshal(map[string]any{"sound": len(faults) == 0, "faults": faults})
	if err != nil {
		return err
	}
	return c.object(http.StatusOK, data)
}
