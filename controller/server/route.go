package server

import (
	"net/http"
	"time"

	"github.com/aptfleet/aptfleet/controller/access"
	"github.com/aptfleet/aptfleet/controller/journal"
)

// route is one operation of the API.
type route struct {
	method, path string
	role         access.Role // that it takes
	did          string      // what the history calls it; "" if nothing is changed, or the rollout's own events say it
	handle       func(*Server, *call) error
}

// routes are all there are, as openapi.yaml has them.
func routes() []route {
	const get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete
	return []route{
		{get, "/v1/version", access.Viewer, "", (*Server).version},
		{get, "/v1/openapi.yaml", access.Viewer, "", (*Server).document},
		{get, "/v1/rollouts", access.Viewer, "", (*Server).listRollouts},
		{post, "/v1/rollouts", access.Operator, "", (*Server).createRollout},
		{post, "/v1/plans", access.Operator, "", (*Server).plan},
		{get, "/v1/rollouts/{id}", access.Viewer, "", (*Server).showRollout},
		{get, "/v1/rollouts/{id}/events", access.Viewer, "", (*Server).events},
		{get, "/v1/rollouts/{id}/progress", access.Viewer, "", (*Server).progress},
		{get, "/v1/rollouts/{id}/logs/{host}", access.Viewer, "", (*Server).logs},
		{post, "/v1/rollouts/{id}/resume", access.Operator, "", decide(Resume)},
		{post, "/v1/rollouts/{id}/retry", access.Operator, "", decide(Retry)},
		{post, "/v1/rollouts/{id}/rollback", access.Operator, "", decide(Rollback)},
		{post, "/v1/rollouts/{id}/continue", access.Operator, "", decide(Continue)},
		{post, "/v1/rollouts/{id}/abort", access.Operator, "", decide(Abort)},
		{get, "/v1/actions", access.Viewer, "", (*Server).actions},
		{get, "/v1/hosts", access.Viewer, "", (*Server).hosts},
		{post, "/v1/hosts/ping", access.Operator, "", (*Server).ping},
		{post, "/v1/hosts/enroll", access.Admin, "enroll", (*Server).enroll},
		{del, "/v1/hosts/{host}/agent", access.Admin, "forget", (*Server).forget},
		{get, "/v1/health", access.Viewer, "", (*Server).health},
		{get, "/v1/packages", access.Viewer, "", (*Server).packages},
		{post, "/v1/suites/{suite}/packages", access.Operator, "publish", (*Server).publish},
		{del, "/v1/suites/{suite}/packages/{package}/{version}", access.Operator, "remove", (*Server).remove},
		{post, "/v1/repository/promote", access.Operator, "promote", (*Server).promote},
		{post, "/v1/repository/verify", access.Operator, "", (*Server).verify},
		{post, "/v1/repository/sign", access.Admin, "sign", (*Server).sign},
		{post, "/v1/repository/prune", access.Admin, "prune", (*Server).prune},
		{get, "/v1/schedules", access.Viewer, "", (*Server).schedules},
		{post, "/v1/schedules/{name}/run", access.Operator, "run schedule", changeSchedule(Schedules.Run)},
		{post, "/v1/schedules/{name}/pause", access.Operator, "pause schedule", changeSchedule(Schedules.Pause)},
		{post, "/v1/schedules/{name}/continue", access.Operator, "continue schedule", changeSchedule(Schedules.Continue)},
		{get, "/metrics", access.Viewer, "", (*Server).metrics},
	}
}

// answer does what a route says, for those who may.
func (s *Server) answer(r route, identify identifier) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		begun := time.Now()
		c := &call{w: w, Request: req, control: http.NewResponseController(w)}
		err := c.bound()
		if err == nil {
			err = s.do(r, c, identify)
		}
		if err != nil && !c.answered {
			c.problem(problemOf(err))
		}
		s.Metrics.request(r, c.status, time.Since(begun))
	})
}

func (s *Server) do(r route, c *call, identify identifier) (err error) {
	c.admit = func() (err error) {
		c.actor, err = s.admit(c.Request, identify, r.role)
		return err
	}
	if err := c.admit(); err != nil {
		return err
	}
	err = r.handle(s, c)
	if r.did != "" {
		action := journal.Action{By: c.actor.Name, Did: r.did, What: c.what}
		if err != nil {
			action.Error = err.Error()
		}
		s.record(c.Context(), action)
	}
	return err
}

// unmatched answers what no route does. Strangers are not told which there are.
func (s *Server) unmatched(w http.ResponseWriter, r *http.Request, mux *http.ServeMux, identify identifier) {
	if _, err := s.admit(r, identify, access.Viewer); err != nil {
		problemOf(err).write(w)
		return
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "/" {
			(&Problem{Status: http.StatusMethodNotAllowed, Detail: r.URL.Path + " does not take " + r.Method}).write(w)
			return
		}
	}
	(&Problem{Status: http.StatusNotFound, Detail: "there is no " + r.URL.Path}).write(w)
}
