package integration

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/aptfleet/aptfleet/controller/bus"
)

// cluster is three nodes of the nats-server that go.mod names, as processes.
type cluster struct {
	t       *testing.T
	program string
	out     string // what bus.WriteNodes wrote
	plans   []bus.NodePlan
	nodes   []*exec.Cmd
}

// newCluster starts three nodes.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	dir := t.TempDir()
	c := &cluster{t: t, program: filepath.Join(dir, "nats-server"), out: filepath.Join(dir, "out"), nodes: make([]*exec.Cmd, 3)}
	if out, err := exec.Command("go", "build", "-o", c.program, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		t.Fatalf("cannot build nats-server: %v\n%s", err, out)
	}
	for i := range c.nodes {
		name := fmt.Sprintf("127.0.0.%d", i+2)
		c.plans = append(c.plans, bus.NodePlan{
			Name: name, Client: freePort(t), Route: freePort(t), Folder: filepath.Join(c.out, name), Store: filepath.Join(dir, "store", name),
		})
	}
	if err := bus.WriteNodes(filepath.Join(dir, "state"), c.out, c.plans); err != nil {
		t.Fatal(err)
	}
	for i := range c.nodes {
		c.start(i)
		t.Cleanup(func() { c.kill(i) })
	}
	return c
}

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

// kill kills a node, if it runs.
func (c *cluster) kill(i int) {
	if c.nodes[i] == nil {
		return
	}
	_ = c.nodes[i].Process.Kill()
	_ = c.nodes[i].Wait() // it was killed
	c.nodes[i] = nil
}

// join has an installation use the cluster as its bus.
func (c *cluster) join(f *fleet) {
	f.t.Helper()
	url := "tls://"
	for i, p := range c.plans {
		if i > 0 {
			url += ","
		}
		url += net.JoinHostPort(p.Name, fmt.Sprint(p.Client))
	}
	f.appendTo("aptfleet.toml", fmt.Sprintf("\n[bus]\nurl = %q\ncredentials = %q\nca = %q\n",
		url, filepath.Join(c.out, bus.SecretsName), filepath.Join(c.out, "ca.pem")))
	until(f.t, "the cluster is up", func() bool { return f.run("history").status == 0 })
}
