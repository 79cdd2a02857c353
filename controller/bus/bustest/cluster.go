// Package bustest runs a cluster of nats-servers, as processes on this machine,
// for tests and benchmarks. It is no part of the program.
//
// The server is the one that go.mod names: the go command builds it and keeps it
// in its cache. A process that starts a cluster takes it along when it dies.
package bustest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

// natsServer returns where the server lies, built.
var natsServer = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "tool", "-n", "nats-server").Output()
	if err != nil {
		return "", fmt.Errorf("cannot build nats-server: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
})

// Cluster is nodes, each of which may be killed and started again.
type Cluster struct {
	Plans []bus.NodePlan

	program string
	out     string // what bus.WriteNodes wrote
	nodes   []*exec.Cmd
}

// Start writes the files of n nodes to dir and starts them. change has the last
// word on each node's configuration; nil changes nothing.
func Start(dir string, n int, change func(config string) string) (*Cluster, error) {
	program, err := natsServer()
	if err != nil {
		return nil, err
	}
	c := &Cluster{program: program, out: filepath.Join(dir, "out"), nodes: make([]*exec.Cmd, n)}
	for i := range n {
		plan, err := c.plan(dir, fmt.Sprintf("127.0.0.%d", i+2))
		if err != nil {
			return nil, err
		}
		c.Plans = append(c.Plans, plan)
	}
	if err := bus.WriteNodes(filepath.Join(dir, "state"), c.out, c.Plans); err != nil {
		return nil, err
	}
	for i := range n {
		if err := errors.Join(c.change(i, change), c.Run(i)); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// ForTest is Start for a test, with which the cluster ends. If the test fails, it
// shows what the nodes had to say.
func ForTest(t testing.TB, n int, change func(config string) string) *Cluster {
	t.Helper()
	c, err := Start(t.TempDir(), n, change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		if t.Failed() {
			c.showLogs(t)
		}
	})
	return c
}

// showLogs shows the end of what each node has logged.
func (c *Cluster) showLogs(t testing.TB) {
	const most = 32 << 10
	for i, plan := range c.Plans {
		text, err := os.ReadFile(c.log(i))
		t.Logf("log of %s, %v:\n%s", plan.Name, err, text[max(0, len(text)-most):])
	}
}

// plan returns a place for a node, with ports that are free by now.
func (c *Cluster) plan(dir, name string) (bus.NodePlan, error) {
	client, err1 := freePort()
	route, err2 := freePort()
	return bus.NodePlan{
		Name: name, Client: client, Route: route, Folder: filepath.Join(c.out, name), Store: filepath.Join(dir, "store", name),
	}, errors.Join(err1, err2)
}

// freePort returns a port at which nobody listens, below those that the kernel gives
// to connections (ip_local_port_range in ip(7)): until a node listens, and while it is
// dead, anybody's connection may take one of those.
func freePort() (int, error) {
	const lowest, ports, tries = 15000, 17000, 100
	var err error
	for range tries {
		port := lowest + rand.N(ports)
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("cannot find a free port: %w", err)
}

func (c *Cluster) config(i int) string { return filepath.Join(c.Plans[i].Folder, "nats-server.conf") }

func (c *Cluster) log(i int) string { return filepath.Join(c.Plans[i].Folder, "log") }

// change changes the configuration of a node.
func (c *Cluster) change(i int, change func(string) string) error {
	if change == nil {
		return nil
	}
	config, err := os.ReadFile(c.config(i))
	if err != nil {
		return err
	}
	return os.WriteFile(c.config(i), []byte(change(string(config))), 0o600)
}

// Run starts a node that does not run.
func (c *Cluster) Run(i int) error {
	node := exec.Command(c.program, "-c", c.config(i), "-l", c.log(i))
	node.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := node.Start(); err != nil {
		return fmt.Errorf("%s: cannot start the node: %w", c.Plans[i].Name, err)
	}
	c.nodes[i] = node
	return nil
}

// Kill kills a node, if it runs.
func (c *Cluster) Kill(i int) {
	if c.nodes[i] == nil {
		return
	}
	_ = c.nodes[i].Process.Kill()
	_ = c.nodes[i].Wait() // it was killed
	c.nodes[i] = nil
}

// Close kills all nodes.
func (c *Cluster) Close() {
	for i := range c.nodes {
		c.Kill(i)
	}
}

// Place is where a bus finds the cluster.
func (c *Cluster) Place() *bus.Cluster {
	p := &bus.Cluster{Credentials: filepath.Join(c.out, bus.SecretsName), CA: filepath.Join(c.out, "ca.pem")}
	for _, plan := range c.Plans {
		p.Nodes = append(p.Nodes, plan.URL())
	}
	return p
}

// Settings is the part of an aptfleet.toml that makes the cluster its bus.
func (c *Cluster) Settings() string {
	p := c.Place()
	return fmt.Sprintf("\n[bus]\nurl = %q\ncredentials = %q\nca = %q\n", strings.Join(p.Nodes, ","), p.Credentials, p.CA)
}

// comesUp is how long a cluster may take on a slow and busy machine.
const comesUp = 2 * time.Minute

// Open opens the bus once the cluster is up.
func (c *Cluster) Open(ctx context.Context) (*bus.Bus, error) {
	ctx, cancel := context.WithTimeout(ctx, comesUp)
	defer cancel()
	for {
		b, err := bus.Open(ctx, bus.Options{Cluster: c.Place()})
		if err == nil || pause.For(ctx, 200*time.Millisecond) != nil {
			return b, err
		}
	}
}

// OpenForTest is Open for a test, with which the bus ends.
func (c *Cluster) OpenForTest(t testing.TB) *bus.Bus {
	t.Helper()
	b, err := c.Open(t.Context())
	if err != nil {
		t.Fatalf("the cluster does not come up: %v", err)
	}
	t.Cleanup(func() { _ = b.Close() }) // a node of it may be dead
	return b
}

// Node returns the number of the node with a name, as the servers tell it.
func (c *Cluster) Node(name string) (int, error) {
	for i, plan := range c.Plans {
		if plan.Name == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("the cluster has no node %q", name)
}
