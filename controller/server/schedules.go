package server

import "context"

// Schedules is all that the API needs to know of schedules, which it calls by
// their names. A name that is none is a *Problem.
type Schedules interface {
	// List returns each "schedule".
	List(ctx context.Context) ([]Object, error)
	// Run runs one now, Pause keeps it from running by itself, until Continue.
	Run(ctx context.Context, by, name string) error
	Pause(ctx context.Context, by, name string) error
	Continue(ctx context.Context, by, name string) error
}

func (s *Server) schedules(c *call) error {
	all, err := s.Schedules.List(c.Context())
	if err != nil {
		return err
	}
	return c.items(all)
}

// changeSchedule returns the handler of a change.
func changeSchedule(change func(s Schedules, ctx context.Context, by, name string) error) func(*Server, *call) error {
	return func(s *Server, c *call) error {
		c.what = c.PathValue("name")
		if err := c.decode(&struct{}{}); err != nil {
			return err
		}
		if err := change(s.Schedules, c.Context(), c.actor.Name, c.what); err != nil {
			return err
		}
		return c.nothing()
	}
}
