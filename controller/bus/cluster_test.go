package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/bus/bustest"
)

// refuses waits until a cluster is up and is refused.
func refuses(t *testing.T, c *bustest.Cluster, want string) {
	t.Helper()
	bus.Awaits(t, "a refusal with "+want, func() bool {
		b, err := bus.Open(t.Context(), bus.Options{Cluster: c.Place()})
		if err == nil {
			t.Error("the cluster is taken")
			return b.Close() == nil
		}
		return strings.Contains(err.Error(), want)
	})
}

// TestCluster: the same calls as with a server of one's own. One node may be
// killed in the middle, and agents are let in and shut out.
func TestCluster(t *testing.T) {
	c := bustest.ForTest(t, 3, nil)
	b := c.OpenForTest(t)
	nodes, err := b.Nodes(t.Context())
	if err != nil || len(nodes) != 3 || !nodes[0].SyncAlways {
		t.Fatalf("the nodes are %+v, %v", nodes, err)
	}
	s, err := b.JetStream().Stream(t.Context(), bus.Journal)
	if err != nil || s.CachedInfo().Config.Replicas != 3 {
		t.Fatalf("the journal is kept as %+v, %v", s.CachedInfo().Config, err)
	}
	last := uint64(0)
	publish := func(i int) {
		t.Helper()
		first, second := bus.Message(fmt.Sprint(i)), bus.Message(fmt.Sprint(-i))
		if i%2 == 1 {
			first = bus.NewMessage("j.R1.ctl", fmt.Sprint("c", i), []byte("x"))
			bus.Expect(first, "j.R1.ctl", last)
			if last, err = b.PublishAll(t.Context(), first); err != nil {
				t.Fatalf("message %d: %v", i, err)
			}
			return
		}
		bus.Expect(first, "j.R1.ctl", last)
		if _, err := b.PublishAll(t.Context(), first, second); err != nil && !errors.Is(err, bus.ErrConflict) {
			t.Fatalf("batch %d: %v", i, err)
		}
	}
	a := bus.NewAgent(t, b)
	for i := range 60 {
		if i == 20 {
			c.Kill(0)
		}
		if i == 40 {
			err = c.Run(0)
			c.Kill(1)
		}
		publish(i)
	}
	if err := errors.Join(err, c.Run(1)); err != nil {
		t.Fatal(err)
	}
	if n := bus.Count(t, b); n < 60 {
		t.Errorf("%d messages are stored", n)
	}
	conn, err := nats.Connect(c.Plans[2].URL(), nats.RootCAs(c.Place().CA), nats.NoReconnect(), a.Proof())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	comesAndGoes(t, b, conn, a.Name())
}

// comesAndGoes lets an agent report over another node than ours, and shuts it
// out.
func comesAndGoes(t *testing.T, b *bus.Bus, conn *nats.Conn, agent string) {
	t.Helper()
	reports, err := b.Conn().SubscribeSync(bus.ReportSubject("*"))
	if err != nil {
		t.Fatal(err)
	}
	bus.Awaits(t, "a report", func() bool {
		if err := errors.Join(conn.Publish(bus.ReportSubject(agent), []byte("x")), conn.Flush()); err != nil {
			t.Fatal(err)
		}
		_, err := reports.NextMsg(time.Second)
		return err == nil
	})
	if err := b.Revoke(t.Context(), time.Now(), agent); err != nil {
		t.Fatal(err)
	}
	bus.Awaits(t, "the connection's end", conn.IsClosed)
}

// TestForgetfulCluster: one that does not sync always is refused with the reason.
func TestForgetfulCluster(t *testing.T) {
	refuses(t, bustest.ForTest(t, 3, func(config string) string { return strings.Replace(config, "sync_interval: always", "", 1) }),
		"set sync_interval: always in the jetstream block of 127.0.0.")
}

func TestSmallCluster(t *testing.T) {
	refuses(t, bustest.ForTest(t, 2, nil), "the cluster has fewer than three nodes")
}

func TestUnreachableCluster(t *testing.T) {
	c := bustest.ForTest(t, 1, nil)
	c.Kill(0)
	if _, err := bus.Open(t.Context(), bus.Options{Cluster: c.Place()}); err == nil || !strings.Contains(err.Error(), "cannot connect to tls://127.0.0.2:") {
		t.Errorf("Open returned %v", err)
	}
}

// TestLostOnTheWay: a node has delivered a message that nobody got, as it happens when
// another node has just been lost.
func TestLostOnTheWay(t *testing.T) {
	b := bustest.ForTest(t, 3, nil).OpenForTest(t)
	if _, err := b.PublishAll(t.Context(), bus.NewMessage("j.R1.ctl", "once", []byte("x"))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if got, err := bus.NextAfterLoss(ctx, b, bus.Journal, "j.R1.ctl"); err != nil || string(got.Data) != "x" {
		t.Errorf("read %q, %v", got.Data, err)
	}
}
