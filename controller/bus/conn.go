package bus

import (
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// OpenConn opens another connection to the bus, for what must not wait behind bulk
// work on the first one. Whoever opens it closes it, before the bus.
func (b *Bus) OpenConn() (*nats.Conn, jetstream.JetStream, error) {
	as, err := user(b.secrets.account)
	if err != nil {
		return nil, nil, err
	}
	conn, err := b.dial(as)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot open another connection to the bus: %w", err)
	}
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(requestTimeout))
	return conn, js, err
}

// Embedded reports whether the server is in this process, which then is the only
// one that decides anything there: whatever another one was running, it is dead.
func (b *Bus) Embedded() bool { return b.server != nil }
