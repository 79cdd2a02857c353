package bus

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// connMonitor hears from the servers who connects, and logs whom they refuse and
// which agents are there twice. Who may come in is for the servers to decide; it
// disconnects those who behave badly there.
type connMonitor struct {
	log     *slog.Logger
	refused *LimitedLog
	issuer  string // of agents

	kick func(connection) error

	mu        sync.Mutex
	connected map[string]map[connection]string // of each agent, where its connections come from
	banned    map[string]time.Time             // until when an agent is banned
}

// connection is one on one of the servers.
type connection struct {
	Server string
	ID     uint64
}

// connEvent is what servers say of one who connects. See server.DisconnectEventMsg
// of nats-server, whose fields these are.
type connEvent struct {
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

func (e *connEvent) connection() connection { return connection{e.Server.ID, e.Client.ID} }

// monitorConnections starts the connMonitor, which ends with the connection.
func (b *Bus) monitorConnections() error {
	m := &connMonitor{
		log: b.log.log, refused: b.log.refused, issuer: public(b.secrets.agents),
		connected: map[string]map[connection]string{}, banned: map[string]time.Time{},
	}
	var err error
	if b.sysConn, err = b.systemConn(); err != nil {
		return fmt.Errorf("cannot watch who connects: %w", err)
	}
	m.kick = func(c connection) error {
		// A server does only what it can answer to, though nobody listens here.
		return b.sysConn.PublishRequest("$SYS.REQ.SERVER."+c.Server+".KICK", nats.NewInbox(), fmt.Appendf(nil, `{"cid":%d}`, c.ID))
	}
	b.monitor = m
	// Who comes and who goes is heard in its order, and so by one subscription: an agent
	// that connects again must not seem to be there twice.
	account := "$SYS.ACCOUNT." + public(b.secrets.account)
	for subject, see := range map[string]func(verb string, e *connEvent){
		"$SYS.SERVER.*.CLIENT.AUTH.ERR": func(_ string, e *connEvent) { m.refuse(e) }, account + ".*": m.see,
	} {
		if _, err := b.sysConn.Subscribe(subject, m.hear(see)); err != nil {
			return fmt.Errorf("cannot watch who connects: %w", err)
		}
	}
	return b.sysConn.Flush()
}

// hear decodes events for see, which is handed the last word of their subject too.
func (m *connMonitor) hear(see func(verb string, e *connEvent)) nats.MsgHandler {
	return func(msg *nats.Msg) {
		var e connEvent
		if err := json.Unmarshal(msg.Data, &e); err != nil {
			m.refused.Warn("cannot read what the bus says of a connection", "error", err)
			return
		}
		see(msg.Subject[strings.LastIndexByte(msg.Subject, '.')+1:], &e)
	}
}

// see is told who connects to our account and who leaves it.
func (m *connMonitor) see(verb string, e *connEvent) {
	switch verb {
	case "CONNECT":
		m.enter(e)
	case "DISCONNECT":
		m.leave(e)
	}
}

// refuse logs one who was not let in.
func (m *connMonitor) refuse(e *connEvent) {
	m.refused.Warn("the bus refused a connection", "address", e.Client.Host, "cause", m.cause(e.Client.JWT))
}

// cause says why a token is of no use, as far as one can tell from it. Tokens of
// ours are signed, so that what they say can be believed; of others it is not
// repeated.
func (m *connMonitor) cause(token string) string {
	if token == "" {
		return "it has no token"
	}
	claims, err := jwt.DecodeUserClaims(token)
	if err != nil {
		return "its token is damaged"
	}
	if claims.Issuer != m.issuer {
		return "its token is of another installation"
	}
	return fmt.Sprintf("it comes with the token of %s (%s), and was shut out or does not have the key to it", health.Text(claims.Name), claims.Subject)
}

// enter notes a connection, and logs an agent that has several.
func (m *connMonitor) enter(e *connEvent) {
	claims, err := jwt.DecodeUserClaims(e.Client.JWT)
	if err != nil || claims.Issuer != m.issuer {
		return // a controller, which may have as many as it likes
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	mine := m.connected[claims.Subject]
	if mine == nil {
		mine = map[connection]string{}
		m.connected[claims.Subject] = mine
	}
	for _, address := range mine {
		m.refused.Warn("an agent is connected twice: its host was cloned, its key stolen, or a connection broke unnoticed",
			"host", health.Text(claims.Name), "agent", claims.Subject, "address", e.Client.Host, "other", address)
		break
	}
	mine[e.connection()] = e.Client.Host
	if until, ok := m.banned[claims.Subject]; ok {
		if time.Now().Before(until) {
			m.disconnect(claims.Subject)
			return
		}
		delete(m.banned, claims.Subject)
	}
}

// disconnect ends all connections of an agent.
func (m *connMonitor) disconnect(agent string) {
	for c := range m.connected[agent] {
		if err := m.kick(c); err != nil {
			m.refused.Warn("cannot end a connection", "agent", agent, "error", err)
		}
	}
}

// Ban ends the connections of an agent, and each new one for a time. Unlike
// Revoke it leaves the agent its token, and lasts as long as this Bus at most.
func (b *Bus) Ban(agent string, d time.Duration) {
	if b.monitor == nil {
		return // nobody gets in
	}
	b.monitor.mu.Lock()
	defer b.monitor.mu.Unlock()
	b.monitor.banned[agent] = time.Now().Add(d)
	b.monitor.disconnect(agent)
}

func (m *connMonitor) leave(e *connEvent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	mine := m.connected[e.Client.User]
	delete(mine, e.connection())
	if len(mine) == 0 {
		delete(m.connected, e.Client.User)
	}
}
