package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aptfleet/aptfleet/controller/access"
	"github.com/aptfleet/aptfleet/controller/journal"
)

// Actor is who asks.
type Actor struct {
	Name string // as the history has it
	Role access.Role
}

var errNoToken = errors.New("a token is needed: \"Authorization: Bearer TOKEN\"")

// byToken identifies who comes in over TCP.
func (s *Server) byToken(r *http.Request) (Actor, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return Actor{Name: r.RemoteAddr}, errNoToken
	}
	token, err := s.Tokens().Find(strings.TrimSpace(secret), time.Now())
	if token.Name == "" {
		return Actor{Name: r.RemoteAddr}, err
	}
	return Actor{Name: "token " + token.Name, Role: token.Role}, err
}

// OnBehalf is a header by which a command says for whom it was run: behind sudo
// the kernel knows only root. It counts at the socket alone.
const OnBehalf = "Aptfleet-On-Behalf-Of"

// byPeer identifies who comes in by the socket, whose permissions have let them
// in.
func (s *Server) byPeer(r *http.Request) (Actor, error) {
	name, ok := r.Context().Value(peerKey{}).(string)
	if !ok {
		return Actor{Name: "somebody at the socket"}, errors.New("cannot tell who is at the socket")
	}
	if person := r.Header.Get(OnBehalf); person != "" && person != name && isPlain(person) {
		name = fmt.Sprintf("%s as %s", person, name)
	}
	return Actor{Name: name, Role: access.Admin}, nil
}

// isPlain takes the name of a user.
func isPlain(s string) bool {
	allowed := func(r rune) bool { return r > ' ' && r < 0x7f }
	return len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool { return !allowed(r) })
}

// admit lets an actor in, or records that it was refused.
func (s *Server) admit(r *http.Request, identify identifier, needed access.Role) (Actor, error) {
	actor, err := identify(r)
	if err == nil && actor.Role.May(needed) {
		return actor, nil
	}
	refused := &Problem{Status: http.StatusUnauthorized, Detail: fmt.Sprint(err)}
	if err == nil {
		refused = &Problem{Status: http.StatusForbidden, Detail: fmt.Sprintf("%s is %s, and this takes %s", actor.Name, actor.Role, needed)}
	}
	s.Log.Warn("refused", "by", actor.Name, "method", r.Method, "path", r.URL.Path, "error", refused.Detail)
	s.Metrics.refused()
	if s.refusals.Allow() {
		s.record(context.WithoutCancel(r.Context()), journal.Action{By: actor.Name, Did: "refused", What: r.Method + " " + r.URL.Path, Error: refused.Detail})
	}
	return actor, refused
}
