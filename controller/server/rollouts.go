package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// Rollouts is all that the API needs to know of rollouts. Those that it creates
// or resumes are run behind the call's back.
type Rollouts interface {
	// List returns a "history" of each, newest first.
	List(ctx context.Context) ([]Object, error)
	// Show returns the "rollout".
	Show(ctx context.Context, id rollout.ID) (Object, error)
	// Events yields each "event" after the first few, to the last one by now, or
	// on to the end of the rollout.
	Events(ctx context.Context, id rollout.ID, after int, follow bool) iter.Seq2[Object, error]
	// Progress yields a "progress" of each host that is worked on, whenever it has
	// got on, until the rollout ends or runs no more.
	Progress(ctx context.Context, id rollout.ID) iter.Seq2[Object, error]
	// Logs returns a "log" for each job on a host.
	Logs(ctx context.Context, id rollout.ID, host inventory.HostName) ([]Object, error)
	// Plan asks the hosts what would change.
	Plan(ctx context.Context, by string, ask RolloutRequest) (Planned, error)
	// Create begins a rollout. Unless it names a plan, it makes one, and begins if
	// nothing in that is refused.
	Create(ctx context.Context, by string, ask RolloutRequest) (rollout.ID, error)
	// Decide decides something of a rollout.
	Decide(ctx context.Context, by string, id rollout.ID, what Decision) error
}

// RolloutRequest is a rollout to be planned or run. What is not said is the
// configuration's.
type RolloutRequest struct {
	Packages    []string `json:"packages,omitempty"` // NAME or NAME=VERSION
	To          string   `json:"to"`                 // selector
	Mode        string   `json:"mode,omitempty"`
	Suite       string   `json:"suite,omitempty"`
	Parallel    int      `json:"parallel,omitempty"`
	Batches     []string `json:"batches,omitempty"`
	MaxFailures string   `json:"max_failures,omitempty"`
	OnFailure   string   `json:"on_failure,omitempty"`
	Pause       float64  `json:"pause,omitempty"`   // seconds, as are Settle and Deadline
	Confirm     bool     `json:"confirm,omitempty"` // after each batch, wait for Continue
	Settle      float64  `json:"settle,omitempty"`
	Deadline    float64  `json:"deadline,omitempty"`
	NoGate      bool     `json:"no_gate,omitempty"`
	NoPlan      bool     `json:"no_plan,omitempty"`
	AllowRemove []string `json:"allow_remove,omitempty"` // packages
	AllowHeld   []string `json:"allow_held,omitempty"`
	Reboot      string   `json:"reboot,omitempty"` // when hosts are restarted, as rollout.Reboot; "" is never
	Plan        string   `json:"plan,omitempty"`   // the approved one; all else is then taken from it
}

// Planned is what a rollout would do. It is known by its Plan for an hour.
type Planned struct {
	Plan     string   // to create a rollout with
	Groups   []Object // a "plan" for the hosts on which the same would change
	Changing int      // hosts on which something would
	Refused  []string // what is not allowed, and what would allow it
}

// WirePlanned is a Planned as JSON.
type WirePlanned struct {
	Plan     string   `json:"plan"`
	Items    []Object `json:"items"`
	Changing int      `json:"changing"`
	Refused  []string `json:"refused"`
}

// Verb is what can be decided of a rollout.
type Verb string

// The verbs.
const (
	Resume   Verb = "resume"   // go on, where nobody runs it
	Retry    Verb = "retry"    // take hosts up again, all that need it if none is named
	Rollback Verb = "rollback" // return hosts, all that were touched if no selector is given
	Continue Verb = "continue" // end a pause
	Abort    Verb = "abort"    // begin no further host
)

// Decision is what somebody decided of a rollout.
type Decision struct {
	Verb  Verb                 `json:"-"`
	Hosts []inventory.HostName `json:"hosts,omitempty"` // Retry
	To    string               `json:"to,omitempty"`    // Rollback: a selector
}

func (s *Server) listRollouts(c *call) error {
	all, err := s.Rollouts.List(c.Context())
	if err != nil {
		return err
	}
	return c.items(all)
}

func (s *Server) showRollout(c *call) error {
	id, err := c.rollout()
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, id)
}

// show answers with where a rollout stands.
func (s *Server) show(c *call, status int, id rollout.ID) error {
	o, err := s.Rollouts.Show(c.Context(), id)
	if err != nil {
		return err
	}
	return c.object(status, o)
}

// rolloutRequest reads what is asked of a rollout. Whether it can be meant is for those who carry
// it out, but for what they take for not said.
func (c *call) rolloutRequest() (a RolloutRequest, err error) {
	if err := c.decode(&a); err != nil {
		return a, err
	}
	if a.To == "" && a.Plan == "" {
		return a, BadRequest("to", errors.New("to: say on which hosts"))
	}
	for key, n := range map[string]float64{"pause": a.Pause, "settle": a.Settle, "deadline": a.Deadline, "parallel": float64(a.Parallel)} {
		if n < 0 {
			return a, BadRequest(key, fmt.Errorf("%s: %v is less than nothing", key, n))
		}
	}
	return a, nil
}

func (s *Server) plan(c *call) error {
	ask, err := c.rolloutRequest()
	if err != nil {
		return err
	}
	p, err := s.Rollouts.Plan(c.Context(), c.actor.Name, ask)
	if err != nil {
		return err
	}
	data, err := json.Marshal(WirePlanned{p.Plan, append([]Object{}, p.Groups...), p.Changing, append([]string{}, p.Refused...)})
	if err != nil {
		return err
	}
	return c.object(http.StatusOK, data)
}

func (s *Server) createRollout(c *call) error {
	ask, err := c.rolloutRequest()
	if err != nil {
		return err
	}
	id, err := s.Rollouts.Create(c.Context(), c.actor.Name, ask)
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", "/v1/rollouts/"+string(id))
	return s.show(c, http.StatusCreated, id)
}

// decide returns the handler of a verb.
func decide(verb Verb) func(*Server, *call) error {
	return func(s *Server, c *call) error {
		id, err := c.rollout()
		if err != nil {
			return err
		}
		what := Decision{Verb: verb}
		if err := c.decode(&what); err != nil {
			return err
		}
		if verb != Retry && len(what.Hosts) > 0 || verb != Rollback && what.To != "" {
			return BadRequest("", fmt.Errorf("hosts are named for %s, and a selector for %s", Retry, Rollback))
		}
		if err := s.Rollouts.Decide(c.Context(), c.actor.Name, id, what); err != nil {
			return err
		}
		return s.show(c, http.StatusAccepted, id)
	}
}

func (s *Server) logs(c *call) error {
	id, err := c.rollout()
	if err != nil {
		return err
	}
	all, err := s.Rollouts.Logs(c.Context(), id, inventory.HostName(c.PathValue("host")))
	if err != nil {
		return err
	}
	return c.items(all)
}

// events answers with a stream that can be resumed after the last event
// that the client has seen.
func (s *Server) events(c *call) error {
	id, err := c.rollout()
	if err != nil {
		return err
	}
	given, err := c.query("after", "follow")
	if err != nil {
		return err
	}
	after := 0
	if text, ok := given["after"]; ok {
		if after, err = strconv.Atoi(text); err != nil || after < 0 {
			return BadRequest("after", fmt.Errorf("after: %q is no number of an event", text))
		}
	}
	follow := given["follow"]
	if follow != "" && follow != "true" && follow != "false" {
		return BadRequest("follow", errors.New("follow: want true or false"))
	}
	return s.stream(c, func(ctx context.Context) iter.Seq2[Object, error] {
		return s.Rollouts.Events(ctx, id, after, follow == "true")
	})
}

// progress answers with a stream of what no journal has.
func (s *Server) progress(c *call) error {
	id, err := c.rollout()
	if err != nil {
		return err
	}
	return s.stream(c, func(ctx context.Context) iter.Seq2[Object, error] { return s.Rollouts.Progress(ctx, id) })
}
