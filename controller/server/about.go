package server

import (
	_ "embed"
	"net/http"
)

// openapi is the description of the API, OpenAPI 3.0.
//
//go:embed openapi.yaml
var openapi []byte

func (s *Server) version(c *call) error { return c.object(http.StatusOK, s.Version) }

func (s *Server) document(c *call) error {
	c.begin(http.StatusOK, "application/yaml")
	return c.write(openapi)
}

func (s *Server) actions(c *call) error {
	all, err := s.History.Actions(c.Context())
	if err != nil {
		return err
	}
	return c.items(all)
}

func (s *Server) metrics(c *call) error {
	c.answered, c.status = true, http.StatusOK
	s.Metrics.handler().ServeHTTP(c.w, c.Request)
	return nil
}
