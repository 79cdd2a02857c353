package bustest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
)

// Work is what somebody does on a bus over and over. It returns nil too where ctx
// has ended.
type Work func(ctx context.Context) error

// noticing is how long everybody may wait for what needs the cluster, after it
// has lost a node. The servers elect another leader in up to 9 s.
const noticing = 90 * time.Second

// LoseEach kills each node in turn and starts it again, while all of the works are
// done: none may fail, and each has to go on without the node. The first node to
// go is that which b is connected to.
func (c *Cluster) LoseEach(t *testing.T, b *bus.Bus, works map[string]Work) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var g sync.WaitGroup
	defer g.Wait()
	defer cancel()
	done := map[string]*atomic.Int64{}
	for name, work := range works {
		n := &atomic.Int64{}
		done[name] = n
		g.Go(func() {
			for ctx.Err() == nil {
				if err := work(ctx); err != nil && ctx.Err() == nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				n.Add(1)
			}
		})
	}
	first, err := c.Node(b.Conn().ConnectedServerName())
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Plans {
		node := (first + i) % len(c.Plans)
		goOn(t, done)
		c.Kill(node)
		t.Logf("%s is killed, %s", c.Plans[node].Name, goOn(t, done))
		if err := c.Run(node); err != nil {
			t.Fatal(err)
		}
		c.Heals(t, b)
	}
	goOn(t, done)
}

// goOn waits until each work was done whose beginning is not long past, and
// returns which of them took the longest.
func goOn(t *testing.T, done map[string]*atomic.Int64) (slowest string) {
	t.Helper()
	begun, from := time.Now(), map[string]int64{}
	for name, n := range done {
		from[name] = n.Load()
	}
	for ; len(from) > 0; time.Sleep(10 * time.Millisecond) {
		for name, n := range from {
			if done[name].Load() >= n+2 { // of two, one has begun since
				slowest = name + " goes on after " + time.Since(begun).Round(100*time.Millisecond).String()
				delete(from, name)
			}
		}
		if t.Failed() || time.Since(begun) > noticing {
			t.Fatalf("these do not go on: %v", from)
		}
	}
	return slowest
}

// Heals waits until each node has all that the cluster has: another one may be lost
// then.
func (c *Cluster) Heals(t *testing.T, b *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), comesUp)
	defer cancel()
	for ; !c.isWhole(ctx, b); time.Sleep(200 * time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatal("the cluster does not become whole again")
		}
	}
}

func (c *Cluster) isWhole(ctx context.Context, b *bus.Bus) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	streams := b.JetStream().ListStreams(ctx)
	n := 0
	for info := range streams.Info() {
		if n++; info.Cluster == nil || info.Cluster.Leader == "" {
			return false
		}
		for _, replica := range info.Cluster.Replicas {
			if replica.Offline || !replica.Current {
				return false
			}
		}
	}
	return streams.Err() == nil && n > 0
}
