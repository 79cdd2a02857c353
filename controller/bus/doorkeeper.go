package bus

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// doorkeeper hears from the servers who connects, and logs whom they refuse and
// which agents are there twice. Who may come in is for the servers to decide; it
// throws out those who behave badly there.
type doorkeeper struct {
	log     *slog.Logger
	refused *Flood
	issuer  string // of agents

	kick func(connection) error

	mu     sync.Mutex
	inside map[string]map[connection]string // of each agent, where its connections come from
	banned map[string]time.Time             // until when an agent is kept out
}

// connection is one on one of the servers.
type connection struct {
	Server string
	ID     uint64
}

// doorEvent is what servers say of one who connects. See server.DisconnectEventMsg
// of nats-server, whose fields these are.
type doorEvent struct {
	Server struct {
		ID string `json:"id"`
	} `json:"server"`
	Client struct {
		ID   uint64 `json:"id"`
		Host string `json:"host"`
		User string `json:"user"`
		JWT  string `json:"jwt"`
	} `json:"client"`
}

func (e *doorEvent) connection() connection { return connection{e.Server.ID, e.Client.ID} }

// watchDoor starts the doorkeeper, who goes with the connection.
func (b *Bus) watchDoor() error {
	k := &doorkeeper{
		log: b.log.log, refused: b.log.refused, issuer: public(b.secrets.agents),
		inside: map[string]map[connection]string{}, banned: map[string]time.Time{},
	}
	var err error
	if b.door, err = b.systemConn(); err != nil {
		return fmt.Errorf("cannot watch who connects: %w", err)
	}
	k.kick = func(c connection) error {
		// A server does only what it can answer to, though nobody listens here.
		return b.door.PublishRequest("$SYS.REQ.SERVER."+c.Server+".KICK", nats.NewInbox(), fmt.Appendf(nil, `{"cid":%d}`, c.ID))
	}
	b.keeper = k
	account := "$SYS.ACCOUNT." + public(b.secrets.account)
	for subject, see := range map[string]func(*doorEvent){
		"$SYS.SERVER.*.CLIENT.AUTH.ERR": k.refuse, account + ".CONNECT": k.enter, account + ".DISCONNECT": k.leave,
	} {
		if _, err := b.door.Subscribe(subject, k.hear(see)); err != nil {
			return fmt.Errorf("cannot watch who connects: %w", err)
		}
	}
	return b.door.Flush()
}

func (k *doorkeeper) hear(see func(*doorEvent)) nats.MsgHandler {
	return func(m *nats.Msg) {
		var e doorEvent
		if err := json.Unmarshal(m.Data, &e); err != nil {
			k.refused.Warn("cannot read what the bus says of a connection", "error", err)
			return
		}
		see(&e)
	}
}

// refuse logs one who was not let in.
func (k *doorkeeper) refuse(e *doorEvent) {
	k.refused.Warn("the bus refused a connection", "address", e.Client.Host, "cause", k.cause(e.Client.JWT))
}

// cause says why a token is of no use, as far as one can tell from it. Tokens of
// ours are signed, so that what they say can be believed; of others it is not
// repeated.
func (k *doorkeeper) cause(token string) string {
	if token == "" {
		return "it has no token"
	}
	claims, err := jwt.DecodeUserClaims(token)
	if err != nil {
		return "its token is damaged"
	}
	if claims.Issuer != k.issuer {
		return "its token is of another installation"
	}
	return fmt.Sprintf("it comes with the token of %s (%s), and was shut out or does not have the key to it", health.Text(claims.Name), claims.Subject)
}

// enter notes a connection, and logs an agent that has several.
func (k *doorkeeper) enter(e *doorEvent) {
	claims, err := jwt.DecodeUserClaims(e.Client.JWT)
	if err != nil || claims.Issuer != k.issuer {
		return // a controller, which may have as many as it likes
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	mine := k.inside[claims.Subject]
	if mine == nil {
		mine = map[connection]string{}
		k.inside[claims.Subject] = mine
	}
	for _, address := range mine {
		k.refused.Warn("an agent is connected twice: its host was cloned, its key stolen, or a connection broke unnoticed",
			"host", health.Text(claims.Name), "agent", claims.Subject, "address", e.Client.Host, "other", address)
		break
	}
	mine[e.connection()] = e.Client.Host
	if until, ok := k.banned[claims.Subject]; ok {
		if time.Now().Before(until) {
			k.throwOut(claims.Subject)
			return
		}
		delete(k.banned, claims.Subject)
	}
}

// throwOut ends all connections of an agent.
func (k *doorkeeper) throwOut(agent string) {
	for c := range k.inside[agent] {
		if err := k.kick(c); err != nil {
			k.refused.Warn("cannot end a connection", "agent", agent, "error", err)
		}
	}
}

// KeepOut ends the connections of an agent, and each new one for a time. Unlike
// ShutOut it leaves the agent its token, and lasts as long as this Bus at most.
func (b *Bus) KeepOut(agent string, d time.Duration) {
	if b.keeper == nil {
		return // nobody gets in
	}
	b.keeper.mu.Lock()
	defer b.keeper.mu.Unlock()
	b.keeper.banned[agent] = time.Now().Add(d)
	b.keeper.throwOut(agent)
}

func (k *doorkeeper) leave(e *doorEvent) {
	k.mu.Lock()
	defer k.mu.Unlock()
	mine := k.inside[e.Client.User]
	delete(mine, e.connection())
	if len(mine) == 0 {
		delete(k.inside, e.Client.User)
	}
}
