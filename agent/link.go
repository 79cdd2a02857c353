package agent

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Times of a connection.
const (
	dialing  = 10 * time.Second
	pinging  = 15 * time.Second // a peer that misses two is gone
	longest  = time.Minute      // between two attempts to connect
	shutting = 2 * time.Second  // to close one
)

// link is the connection to the controller, which is made again for ever.
type link struct {
	conn   *nats.Conn
	begun  chan struct{} // closed once there is a conn
	closed chan struct{}
}

// linkOptions is what a link is made of.
type linkOptions struct {
	settings  Settings
	files     Files
	id        string
	connected func()          // is told of each new connection
	asked     func(*nats.Msg) // answers a request
	log       *slog.Logger

	clock *tlsClock // set by dial
}

// dial begins to connect.
func dial(o linkOptions) (*link, error) {
	l := &link{begun: make(chan struct{}), closed: make(chan struct{})}
	o.clock = &tlsClock{token: o.token, log: o.log}
	conn, err := nats.Connect(strings.Join(o.settings.Servers, ","), append(o.events(l), o.connection()...)...)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to %s: %w", strings.Join(o.settings.Servers, ", "), err)
	}
	l.conn = conn
	close(l.begun)
	sub, err := conn.Subscribe("q."+o.id, o.asked)
	if err == nil {
		const most, bytes = 4, 1 << 20 // who floods is not listened to
		err = sub.SetPendingLimits(most, bytes)
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("cannot listen to requests: %w", err)
	}
	return l, nil
}

// connection says how to connect. The token and the key are read anew each time.
func (o linkOptions) connection() []nats.Option {
	return []nats.Option{
		nats.Name("aptfleet-agent"),
		nats.Secure(&tls.Config{MinVersion: tls.VersionTLS13, Time: o.clock.now}),
		nats.RootCAs(o.settings.CA),
		nats.UserJWT(o.token, o.files.sign),
		nats.Timeout(dialing), nats.FlusherTimeout(dialing), nats.DrainTimeout(shutting),
		nats.PingInterval(pinging), nats.MaxPingsOutstanding(2),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.ReconnectBufSize(-1), // what is old when there is a connection again is not sent
	}
}

func (o linkOptions) token() (string, error) {
	token, err := os.ReadFile(o.files.Token)
	if err != nil {
		return "", fmt.Errorf("cannot read the token: %w", err)
	}
	return strings.TrimSpace(string(token)), nil
}

// events says whom to tell what happens.
func (o linkOptions) events(l *link) []nats.Option {
	up := func(c *nats.Conn) {
		o.log.Info("connected", "server", c.ConnectedUrlRedacted())
		o.connected()
	}
	return []nats.Option{
		nats.ConnectHandler(up), nats.ReconnectHandler(up),
		nats.CustomReconnectDelay(func(attempts int) time.Duration {
			<-l.begun
			if err := l.conn.LastError(); errors.Is(err, nats.ErrTLS) {
				o.failed(err) // of which the library tells no handler
			}
			return backOff(attempts)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				o.log.Warn("the connection is lost", "error", err)
			}
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { o.failed(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { o.log.Warn("the server complains", "error", err) }),
		nats.ClosedHandler(func(*nats.Conn) { close(l.closed) }),
	}
}

// failed takes in why an attempt to connect did not succeed.
func (o linkOptions) failed(err error) {
	o.log.Warn("cannot connect", "error", err)
	o.clock.failed(err)
}

// backOff returns the pause after so many attempts that failed: any, up to twice
// the longest of the one before, so that a fleet that lost its controller does
// not return all at once.
func backOff(attempts int) time.Duration {
	most := time.Second << min(attempts, 10)
	return rand.N(min(most, longest)) + 1
}

// send sends a report, unless there is no connection.
func (l *link) send(id string, report []byte) (sent bool, err error) {
	if !l.conn.IsConnected() {
		return false, nil
	}
	if err := l.conn.Publish("h."+id, report); err != nil {
		return false, fmt.Errorf("cannot send a report: %w", err)
	}
	return true, nil
}

// close ends the connection, having sent what was begun.
func (l *link) close() {
	if l.conn.IsConnected() {
		_ = l.conn.FlushTimeout(shutting) // what did not get through is reported after the next start
	}
	l.conn.Close()
	<-l.closed
}
