package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Cluster is a cluster of nats-servers elsewhere. They trust the keys that
// WriteNodes gave them.
type Cluster struct {
	Nodes       []string // tls://HOST:PORT
	Credentials string   // file of the keys, a copy of SecretsName
	CA          string   // file of the authority that the nodes' certificates are of
}

// replicas is how many nodes have each message.
const replicas = 3

// Times of a connection to a cluster: a node that is gone is noticed soon, and
// another one taken.
const (
	dialTimeout   = 5 * time.Second
	reconnectWait = 300 * time.Millisecond
	pingInterval  = 3 * time.Second
)

// startExternal connects to a cluster, if it keeps what it acknowledges.
func (b *Bus) startExternal(ctx context.Context, c *Cluster) error {
	var err error
	if b.secrets, err = readSecrets(c.Credentials); err != nil {
		return err
	}
	b.replicas = replicas
	b.dial = func(more ...nats.Option) (*nats.Conn, error) {
		conn, err := nats.Connect(strings.Join(c.Nodes, ","), append(more,
			nats.Name("aptfleet"), nats.RootCAs(c.CA), nats.Timeout(dialTimeout), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
			nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(2))...)
		if err != nil {
			return nil, fmt.Errorf("cannot connect to %s: %w", strings.Join(c.Nodes, ", "), err)
		}
		return conn, nil
	}
	if err := b.connect(); err != nil {
		return err
	}
	nodes, err := b.Nodes(ctx)
	if err != nil {
		return err
	}
	if err := mayHold(nodes); err != nil {
		return err
	}
	if err := b.monitorConnections(); err != nil {
		return err
	}
	return b.ensureStreams(ctx, "", nil)
}

// Node is one of a cluster's servers.
type Node struct {
	Name       string
	Version    string
	SyncAlways bool // it acknowledges what is on the disk, and nothing else
	Size       int  // of the cluster, as the node knows it; 0 is that it is in none
}

// Nodes asks all nodes of an external cluster how they keep messages. Those that
// are down do not answer, and count in the Size that the others tell. There are
// none where the server is in this process.
func (b *Bus) Nodes(ctx context.Context) (nodes []Node, err error) {
	if b.Embedded() {
		return nil, nil
	}
	conn, err := b.systemConn()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	err = b.Ask(ctx, func(ctx context.Context) error { nodes, err = gather(ctx, conn); return err })
	if err != nil {
		return nil, fmt.Errorf("cannot ask the nodes: %w", err)
	}
	return nodes, nil
}

// gather returns the nodes that answer before ctx ends.
func gather(ctx context.Context, conn *nats.Conn) (nodes []Node, err error) {
	inbox := conn.NewInbox()
	answers, err := conn.SubscribeSync(inbox)
	if err == nil {
		err = conn.PublishRequest("$SYS.REQ.SERVER.PING.JSZ", inbox, []byte(`{"config":true}`))
	}
	if err != nil {
		return nil, err
	}
	for {
		m, err := answers.NextMsgWithContext(ctx)
		if errors.Is(err, context.DeadlineExceeded) && len(nodes) > 0 {
			return nodes, nil
		}
		if err != nil {
			return nil, err
		}
		node, err := parseNode(m.Data)
		if err != nil {
			return nil, err
		}
		if nodes = append(nodes, node); len(nodes) == node.Size {
			return nodes, nil
		}
	}
}

// parseNode reads a node's answer (server.ServerAPIJszResponse of nats-server).
func parseNode(data []byte) (Node, error) {
	var answer struct {
		Server struct {
			Name    string `json:"name"`
			Version string `json:"ver"`
		} `json:"server"`
		Data struct {
			Disabled bool `json:"disabled"`
			Config   struct {
				SyncAlways bool `json:"sync_always"`
			} `json:"config"`
			Meta *struct {
				Size int `json:"cluster_size"`
			} `json:"meta_cluster"`
		} `json:"data"`
		Error *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return Node{}, fmt.Errorf("cannot read a node's answer: %w", err)
	}
	n := Node{Name: answer.Server.Name, Version: answer.Server.Version, SyncAlways: answer.Data.Config.SyncAlways}
	switch {
	case n.Name == "":
		return n, fmt.Errorf("cannot read a node's answer: it has no name: %.200q", data)
	case answer.Error != nil:
		return n, fmt.Errorf("node %s: %s", n.Name, answer.Error.Description)
	case answer.Data.Disabled:
		return n, fmt.Errorf("node %s: JetStream is not enabled there", n.Name)
	}
	if answer.Data.Meta != nil {
		n.Size = answer.Data.Meta.Size
	}
	return n, nil
}

// mayHold refuses a cluster that would lose what it acknowledged: with one node
// its disk, or all of them when the power fails.
func mayHold(nodes []Node) error {
	size := 0
	var forgetful []string
	for _, n := range nodes {
		size = max(size, n.Size)
		if !n.SyncAlways {
			forgetful = append(forgetful, n.Name)
		}
	}
	if size < replicas {
		return errors.New("the cluster has fewer than three nodes, so that none of them may be lost")
	}
	if len(forgetful) > 0 {
		return fmt.Errorf("the cluster would lose what it acknowledged when the power fails: set sync_interval: always in the jetstream block of %s",
			strings.Join(forgetful, ", "))
	}
	return nil
}
