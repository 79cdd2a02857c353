package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
	Listen  *Listen      // nil is nowhere
	Cluster *Cluster     // nil is a server in this process; with one, State is not used
}

// Bus is an open connection to the bus. It may be used concurrently.
type Bus struct {
	lock     *os.File
	secrets  *secrets
	replicas int // of each stream; 0 is one
	server   *server.Server
	dial     func(...nats.Option) (*nats.Conn, error)
	conn     *nats.Conn
	sysConn  *nats.Conn // of the system account, for the monitor; nil where nobody else connects
	monitor  *connMonitor
	js       jetstream.JetStream
	streams  map[string]jetstream.Stream
	log      *serverLog
	marker   *marker // of the journal
}

func newBus(o Options) *Bus {
	b := &Bus{log: newServerLog(o.Log)}
	b.marker = &marker{bus: b, stream: Journal}
	return b
}

// requestTimeout bounds one request to the server; a sync on a slow and busy
// disk takes a fraction of it.
const requestTimeout = 30 * time.Second

// Open takes the state folder, starts the server in this process and makes sure
// that its streams are there. A folder that another process has is a
// *LockedError. With a Cluster it connects there instead, and refuses one that
// could lose what it acknowledged.
func Open(ctx context.Context, o Options) (*Bus, error) {
	if o.Cluster != nil {
		b := newBus(o)
		if err := b.startExternal(ctx, o.Cluster); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot use the cluster of the bus: %w", err), b.Close())
		}
		return b, nil
	}
	if o.Command == "" {
		o.Command = strings.Join(os.Args, " ")
	}
	if err := makeState(o.State); err != nil {
		return nil, stateError("make", err)
	}
	held, err := lock(o.State, o.Command)
	if err != nil {
		return nil, err
	}
	b := newBus(o)
	b.lock = held
	if err := b.startEmbedded(ctx, filepath.Join(o.State, folderName), o.Listen); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open the bus in %s: %w", o.State, err), b.Close())
	}
	return b, nil
}

// makeState makes the state folder where it is not there. It can be passed through
// by everybody, since a web server may serve the repository in it; what is in it
// for nobody else, the bus, the lock and the socket, says so itself.
func makeState(folder string) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	err := os.Mkdir(folder, 0o711)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(folder, 0o711) // whatever the umask is
}

func (b *Bus) connect() error {
	as, err := user(b.secrets.account)
	if err != nil {
		return err
	}
	if b.conn, err = b.dial(as); err != nil {
		return fmt.Errorf("cannot connect to its server: %w", err)
	}
	b.js, err = jetstream.New(b.conn, jetstream.WithDefaultTimeout(requestTimeout))
	return err
}

// Conn returns the connection, for messages that need not last.
func (b *Bus) Conn() *nats.Conn { return b.conn }

// JetStream returns the way to the streams.
func (b *Bus) JetStream() jetstream.JetStream { return b.js }

// Failure returns what made the store stop taking messages, or nil while it
// works. A store that failed has to be opened again.
func (b *Bus) Failure() error { return b.log.failure() }

// Close stops the server and gives the state folder back. What was acknowledged
// is on the disk already, and Close waits for the logs of hosts too.
func (b *Bus) Close() error {
	b.marker.close()
	for _, conn := range []*nats.Conn{b.conn, b.sysConn} {
		if conn != nil {
			conn.Close()
		}
	}
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
	if b.lock == nil {
		return nil
	}
	if err := unlock(b.lock); err != nil {
		return fmt.Errorf("cannot give back the state folder: %w", err)
	}
	return nil
}
