package integration

import (
	"testing"

	"github.com/aptfleet/aptfleet/controller/bus/bustest"
)

// cluster is three nodes of the nats-server that go.mod names, as processes.
type cluster struct {
	*bustest.Cluster
	t *testing.T
}

// newCluster starts three nodes.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	return &cluster{bustest.ForTest(t, 3, nil), t}
}

// start starts a node that does not run.
func (c *cluster) start(i int) {
	c.t.Helper()
	if err := c.Run(i); err != nil {
		c.t.Fatal(err)
	}
}

// kill kills a node, if it runs.
func (c *cluster) kill(i int) { c.Kill(i) }

// join has an installation use the cluster as its bus.
func (c *cluster) join(f *fleet) {
	f.t.Helper()
	f.appendTo("aptfleet.toml", c.Settings())
	until(f.t, "the cluster is up", func() bool { return f.run("history").status == 0 })
}
