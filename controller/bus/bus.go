package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Options say where the bus is and who uses it.
type Options struct {
	State   string       // the state folder; made if it is missing
	Command string       // what this process runs, for whoever finds the folder in use; "" is its command line
	Log     *slog.Logger // nil is slog.Default
}

// Bus is an open connection to the bus. It may be used concurrently.
type Bus struct {
	lock   *os.File
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	log    *serverLog
}

// requestTimeout bounds one request to the server; a sync on a slow and busy
// disk takes a fraction of it.
const requestTimeout = 30 * time.Second

// Open takes the state folder, starts the server in this process and makes sure
// that its streams are there. A folder that another process has is a
// *LockedError.
func Open(ctx context.Context, o Options) (*Bus, error) {
	if o.Command == "" {
		o.Command = strings.Join(os.Args, " ")
	}
	if err := os.MkdirAll(o.State, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make state folder: %w", err)
	}
	held, err := lock(o.State, o.Command)
	if err != nil {
		return nil, err
	}
	b := &Bus{lock: held, log: newServerLog(o.Log)}
	if err := b.start(ctx, filepath.Join(o.State, "bus")); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open the bus in %s: %w", o.State, err), b.Close())
	}
	return b, nil
}

func (b *Bus) start(ctx context.Context, store string) error {
	known := storedStreams(store)
	var err error
	if b.server, err = server.NewServer(embedded(store)); err != nil {
		return err
	}
	b.server.SetLoggerV2(b.log, false, false, false)
	b.server.Start()
	if !b.server.ReadyForConnections(requestTimeout) {
		return errors.Join(errors.New("its server did not start"), b.log.failure())
	}
	if err := b.connect(); err != nil {
		return err
	}
	return b.ensureStreams(ctx, store, known)
}

// embedded returns the options of a server that serves this process alone.
func embedded(store string) *server.Options {
	return &server.Options{
		ServerName: "aptfleet",
		DontListen: true,
		NoSigs:     true,
		JetStream:  true,
		StoreDir:   store,
		SyncAlways: true, // see the package comment: never an option
		// A rollout names all of its hosts in one message.
		MaxPayload: 8 << 20,
		// Limits of ours would come on top of the disk's; the default, three
		// quarters of what is free, would shrink with every start.
		JetStreamMaxStore:      1 << 50,
		JetStreamMaxMemory:     64 << 20,
		DisableJetStreamBanner: true,
	}
}

func (b *Bus) connect() error {
	var err error
	b.conn, err = nats.Connect("", nats.InProcessServer(b.server), nats.Name("aptfleet"), nats.MaxReconnects(-1))
	if err != nil {
		return fmt.Errorf("cannot connect to its server: %w", err)
	}
	b.js, err = jetstream.New(b.conn, jetstream.WithDefaultTimeout(requestTimeout))
	return err
}

// Conn returns the connection, for messages that need not last.
func (b *Bus) Conn() *nats.Conn { return b.conn }

// JetStream returns the door to the streams.
func (b *Bus) JetStream() jetstream.JetStream { return b.js }

// Failure returns what made the store stop taking messages, or nil while it
// works. A store that failed has to be opened again.
func (b *Bus) Failure() error { return b.log.failure() }

// Close stops the server and gives the state folder back. What was acknowledged
// is on the disk already, and Close waits for the logs of hosts too.
func (b *Bus) Close() error {
	if b.conn != nil {
		b.conn.Close()
	}
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
	if err := unlock(b.lock); err != nil {
		return fmt.Errorf("cannot give back the state folder: %w", err)
	}
	return nil
}
