package bus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// programs is a folder that goes with the tests.
var programs string

func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "aptfleet-bus-"); err != nil {
		panic(err)
	}
	status := m.Run()
	_ = os.RemoveAll(programs) // a folder of temporary files
	os.Exit(status)
}

// natsServer builds the server that go.mod names.
var natsServer = sync.OnceValues(func() (string, error) {
	program := filepath.Join(programs, "nats-server")
	out, err := exec.Command("go", "build", "-o", program, "github.com/nats-io/nats-server/v2").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("cannot build nats-server: %w: %s", err, out)
	}
	return program, nil
})

// cluster is nodes of the nats-server that go.mod names, as processes.
type cluster struct {
	t       *testing.T
	program string
	folder  string
	plans   []NodePlan
	nodes   []*exec.Cmd
}

// newCluster writes the files of n nodes, with a change to their configurations,
// and starts them.
func newCluster(t *testing.T, n int, change func(config string) string) *cluster {
	t.Helper()
	c := &cluster{t: t, folder: t.TempDir(), nodes: make([]*exec.Cmd, n)}
	var err error
	if c.program, err = natsServer(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		name := fmt.Sprintf("127.0.0.%d", i+2)
		home := filepath.Join(c.folder, "out", name)
		c.plans = append(c.plans, NodePlan{Name: name, Client: freePort(t), Route: freePort(t), Folder: home, Store: filepath.Join(c.folder, "store", name)})
	}
	if err := WriteNodes(filepath.Join(c.folder, "state"), filepath.Join(c.folder, "out"), c.plans); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		path := filepath.Join(c.plans[i].Folder, "nats-server.conf")
		config, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, []byte(change(string(config))), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.start(i)
	}
	t.Cleanup(func() {
		for i := range c.nodes {
			c.kill(i)
		}
	})
	return c
}

func same(config string) string { return config }

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (c *cluster) start(i int) {
	c.t.Helper()
	node := exec.Command(c.program, "-c", filepath.Join(c.plans[i].Folder, "nats-server.conf"), "-l", filepath.Join(c.plans[i].Folder, "log"))
	node.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := node.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.nodes[i] = node
}

func (c *cluster) kill(i int) {
	if c.nodes[i] == nil {
		return
	}
	_ = c.nodes[i].Process.Kill()
	_ = c.nodes[i].Wait() // it was killed
	c.nodes[i] = nil
}

func (c *cluster) options() Options {
	out := filepath.Join(c.folder, "out")
	o := Options{Cluster: &Cluster{Credentials: filepath.Join(out, SecretsName), CA: filepath.Join(out, "ca.pem")}}
	for _, p := range c.plans {
		o.Cluster.Nodes = append(o.Cluster.Nodes, p.URL())
	}
	return o
}

// open opens the bus once the cluster is up.
func (c *cluster) open() *Bus {
	c.t.Helper()
	var b *Bus
	var err error
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if b, err = Open(c.t.Context(), c.options()); err == nil {
			c.t.Cleanup(func() { _ = b.Close() })
			return b
		}
	}
	c.t.Fatalf("the cluster does not come up: %v", err)
	return nil
}

// refusal waits until the cluster is up and is refused.
func (c *cluster) refusal(want string) {
	c.t.Helper()
	awaits(c.t, "a refusal with "+want, func() bool {
		b, err := Open(c.t.Context(), c.options())
		if err == nil {
			c.t.Error("the cluster is taken")
			return b.Close() == nil
		}
		return strings.Contains(err.Error(), want)
	})
}

// TestCluster: the same calls as with a server of one's own. One node may be
// killed in the middle, and agents are let in and shut out.
func TestCluster(t *testing.T) {
	c := newCluster(t, 3, same)
	b := c.open()
	nodes, err := b.Nodes(t.Context())
	if err != nil || len(nodes) != 3 || mayHold(nodes) != nil {
		t.Fatalf("the nodes are %+v, %v", nodes, err)
	}
	s, err := b.JetStream().Stream(t.Context(), Journal)
	if err != nil || s.CachedInfo().Config.Replicas != 3 {
		t.Fatalf("the journal is kept as %+v, %v", s.CachedInfo().Config, err)
	}
	last := uint64(0)
	publish := func(i int) {
		t.Helper()
		first, second := message(fmt.Sprint(i)), message(fmt.Sprint(-i))
		if i%2 == 1 {
			first = NewMessage("j.R1.ctl", fmt.Sprint("c", i), []byte("x"))
			Expect(first, "j.R1.ctl", last)
			if last, err = b.PublishAll(t.Context(), first); err != nil {
				t.Fatalf("message %d: %v", i, err)
			}
			return
		}
		Expect(first, "j.R1.ctl", last)
		if _, err := b.PublishAll(t.Context(), first, second); err != nil && !errors.Is(err, ErrConflict) {
			t.Fatalf("batch %d: %v", i, err)
		}
	}
	a := newAgent(t, b)
	for i := range 60 {
		if i == 20 {
			c.kill(0)
		}
		if i == 40 {
			c.start(0)
			c.kill(1)
		}
		publish(i)
	}
	c.start(1)
	c.agentsComeAndGo(b, a)
	if n := count(t, b); n < 60 {
		t.Errorf("%d messages are stored", n)
	}
}

// agentsComeAndGo lets an agent report over another node than ours, and shuts it
// out.
func (c *cluster) agentsComeAndGo(b *Bus, a agent) {
	c.t.Helper()
	ca := filepath.Join(c.folder, "out", "ca.pem")
	conn, err := nats.Connect(c.plans[2].URL(), nats.RootCAs(ca), nats.NoReconnect(), nats.UserJWT(func() (string, error) { return a.token, nil }, a.sign))
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	reports, err := b.Conn().SubscribeSync(ReportSubject("*"))
	if err != nil {
		c.t.Fatal(err)
	}
	awaits(c.t, "a report", func() bool {
		if err := errors.Join(conn.Publish(ReportSubject(a.name), []byte("x")), conn.Flush()); err != nil {
			c.t.Fatal(err)
		}
		_, err := reports.NextMsg(time.Second)
		return err == nil
	})
	if err := b.ShutOut(c.t.Context(), time.Now(), a.name); err != nil {
		c.t.Fatal(err)
	}
	awaits(c.t, "the connection's end", conn.IsClosed)
}

// TestForgetfulCluster: one that does not sync always is refused with the reason.
func TestForgetfulCluster(t *testing.T) {
	newCluster(t, 3, func(config string) string { return strings.Replace(config, "sync_interval: always", "", 1) }).
		refusal("set sync_interval: always in the jetstream block of 127.0.0.")
}

func TestSmallCluster(t *testing.T) {
	newCluster(t, 2, same).refusal("the cluster has fewer than three nodes")
}

func TestUnreachableCluster(t *testing.T) {
	c := &cluster{t: t, folder: t.TempDir(), plans: []NodePlan{{Name: "127.0.0.2", Client: freePort(t)}}}
	if err := WriteNodes(c.folder, filepath.Join(c.folder, "out"), c.plans); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), c.options()); err == nil || !strings.Contains(err.Error(), "cannot connect to tls://127.0.0.2:") {
		t.Errorf("Open returned %v", err)
	}
}

func FuzzParseNode(f *testing.F) {
	f.Add([]byte(`{"server":{"name":"a","ver":"2.15.2"},"data":{"config":{"sync_always":true},"meta_cluster":{"cluster_size":3}}}`))
	f.Add([]byte(`{"server":{"name":"a"},"data":{"disabled":true},"error":{"description":"x"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, err := parseNode(data); err == nil && n.Name == "" {
			t.Errorf("%q was read as %+v", data, n)
		}
	})
}
