package bus

import (
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// Subjects of agents. A host is called by its agent's public key there, which
// says nothing of it and has no sign that means something in a subject.
const (
	reportSubject = "h." // + the agent's public key: its reports
	askSubject    = "q." // + the agent's public key: requests for a fresh one
)

// ReportSubject returns the subject of an agent's reports; "*" is all agents.
func ReportSubject(agent string) string { return reportSubject + agent }

// AskSubject returns the subject on which an agent is asked for a report.
func AskSubject(agent string) string { return askSubject + agent }

// answerWithin is how long an agent may take to answer a request.
const answerWithin = 30 * time.Second

// operatorClaims returns what servers are told to trust.
func (s *secrets) operatorClaims() (*jwt.OperatorClaims, string, error) {
	c := jwt.NewOperatorClaims(public(s.operator))
	c.Name = "aptfleet"
	c.SystemAccount = public(s.system)
	token, err := c.Encode(s.operator)
	return c, token, err
}

// systemClaims returns the signed account of those who look after the servers.
func (s *secrets) systemClaims() (string, error) {
	c := jwt.NewAccountClaims(public(s.system))
	c.Name = "SYS"
	return c.Encode(s.operator)
}

// accountClaims returns the signed account of controllers and agents, with the
// users that it refuses.
func (s *secrets) accountClaims(revoked jwt.RevocationList) (string, error) {
	c := jwt.NewAccountClaims(public(s.account))
	c.Name = "APTFLEET"
	c.Limits.JetStreamLimits = jwt.JetStreamLimits{
		MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit,
	}
	c.SigningKeys.AddScopedSigner(agentScope(public(s.agents)))
	c.Revocations = revoked
	return c.Encode(s.operator)
}

// agentScope is all that an agent may do: say how its own host is, and answer
// whoever asks for that. The servers hold every user to it that the key signed,
// whatever the user's own claims say.
func agentScope(key string) *jwt.UserScope {
	scope := jwt.NewUserScope()
	scope.Key, scope.Role = key, "agent"
	may := &scope.Template
	may.Pub.Allow.Add(ReportSubject("{{subject()}}"))
	may.Sub.Allow.Add(AskSubject("{{subject()}}"))
	may.Resp = &jwt.ResponsePermission{MaxMsgs: 1, Expires: answerWithin}
	may.NatsLimits = jwt.NatsLimits{Subs: 2, Data: jwt.NoLimit, Payload: health.MaxReport}
	may.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard)
	return scope
}

// user returns the option with which a new user of an account connects.
func user(account nkeys.KeyPair) (nats.Option, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return nil, fmt.Errorf("cannot make a user: %w", err)
	}
	claims := jwt.NewUserClaims(public(pair))
	claims.Name = "controller"
	token, err := claims.Encode(account)
	if err != nil {
		return nil, fmt.Errorf("cannot sign a user: %w", err)
	}
	seed, err := pair.Seed()
	if err != nil {
		return nil, err
	}
	return nats.UserJWTAndSeed(token, string(seed)), nil
}
