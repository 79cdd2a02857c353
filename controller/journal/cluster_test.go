package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/bus/bustest"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

// TestNodeLost loses each node of a cluster under whoever reads and writes there.
func TestNodeLost(t *testing.T) {
	c := bustest.ForTest(t, 3, nil)
	b := c.OpenForTest(t)
	j := New(b, "ada")
	w := create(t, j, manyHosts(50_000)...)
	create(t, j, "web1") // R2
	works := map[string]bustest.Work{
		"append":  appending(w),
		"read":    func(ctx context.Context) error { _, err := j.Read(ctx, "R1"); return err },
		"list":    func(ctx context.Context) error { return listing(j.List(ctx)) },
		"take":    func(ctx context.Context) error { return taking(ctx, j) },
		"scan":    func(ctx context.Context) error { _, err := (&UnfinishedScanner{Journal: j}).Scan(ctx); return err },
		"log":     func(ctx context.Context) error { return logging(ctx, j) },
		"action":  func(ctx context.Context) error { return acting(ctx, j) },
		"deliver": following(func(ctx context.Context, seen func()) error { return j.Deliveries(ctx, "ops", settling(ctx, t, seen)) }),
	}
	for i := range 6 { // some of which the node delivers that is lost next
		works[fmt.Sprintf("watch %d", i+1)] = following(func(ctx context.Context, seen func()) error { return watching(ctx, j, seen) })
	}
	c.LoseEach(t, b, works)
	if state, err := j.Read(t.Context(), "R1"); err != nil || state.Results != w.history.state.Results {
		t.Errorf("at the end R1 has %+v, %v", state, err)
	}
}

// following makes a work of what goes on for ever and says what it has seen: it is
// done whenever something was seen.
func following(follow func(ctx context.Context, seen func()) error) bustest.Work {
	sees, ends := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	return func(ctx context.Context) error {
		once.Do(func() {
			go func() {
				ends <- follow(ctx, func() {
					select {
					case sees <- struct{}{}:
					case <-ctx.Done():
					}
				})
			}()
		})
		select {
		case <-sees:
			return nil
		case err := <-ends:
			return fmt.Errorf("it has ended: %w", err)
		case <-ctx.Done():
			return nil
		}
	}
}

func watching(ctx context.Context, j *Journal, seen func()) error {
	for _, err := range j.Watch(ctx, "R1") {
		if err != nil {
			return err
		}
		seen()
	}
	return nil
}

func settling(ctx context.Context, t *testing.T, seen func()) func(Delivery) {
	return func(d Delivery) {
		if err := d.Settle(ctx); err != nil && ctx.Err() == nil {
			t.Errorf("a delivery cannot be settled: %v", err)
		}
		seen()
	}
}

// appending appends an event of the next host, and leaves time to read them.
func appending(w *Writer) bustest.Work {
	hosts := w.history.state.Spec.Hosts
	return func(ctx context.Context) error {
		event := step(hosts[0], rollout.Doing)
		hosts = hosts[1:]
		_ = pause.For(ctx, 20*time.Millisecond)
		return w.Append(ctx, event)
	}
}

// taking takes R2 over and over.
func taking(ctx context.Context, j *Journal) error {
	_ = pause.For(ctx, 100*time.Millisecond)
	_, err := j.Take(ctx, "R2")
	return err
}

func listing(entries []Entry, err error) error {
	for _, e := range entries {
		err = errors.Join(err, e.Err)
	}
	return err
}

// logging writes to the log of a host and reads what it has written.
func logging(ctx context.Context, j *Journal) error {
	if _, err := io.WriteString(j.LogWriter(ctx, "R1", "web1", "R1-1-apt-1", 0), "Reading package lists..."); err != nil {
		return err
	}
	logs, err := j.Logs(ctx, "R1", "web1")
	if err == nil && len(logs) != 1 {
		err = fmt.Errorf("there are %d logs", len(logs))
	}
	return err
}

func acting(ctx context.Context, j *Journal) error {
	if err := j.Record(ctx, Action{By: "ada", Did: "publish"}); err != nil {
		return err
	}
	all, err := j.Actions(ctx)
	if err == nil && len(all) == 0 {
		err = errors.New("there are no actions")
	}
	return err
}

// TestClusterLosesJournal: where the whole cluster has lost the journal, whoever opens the
// bus then hears how much it was; and where a node was away, nothing.
func TestClusterLosesJournal(t *testing.T) {
	t.Parallel() // the end of what nobody has is waited for
	c := bustest.ForTest(t, 3, nil)
	b, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := create(t, New(b, "ada"), manyHosts(20)...)
	for _, host := range manyHosts(20) {
		mustAppend(t, w, step(host, rollout.Doing))
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	c.Kill(0)
	if err := c.Run(0); err != nil {
		t.Fatal(err)
	}
	checkClusterLost(t, c, 0, 21)
	loseJournal(t, c)
	checkClusterLost(t, c, 21, 21)
	checkClusterLost(t, c, 21, 21)
}

// loseJournal has the whole cluster lose it, as nats-server has under damage to a few of
// its nodes: Jepsen saw streams that were gone.
func loseJournal(t *testing.T, c *bustest.Cluster) {
	t.Helper()
	b, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = b.Ask(t.Context(), func(ctx context.Context) error { return b.JetStream().DeleteStream(ctx, bus.Journal) })
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
}

func checkClusterLost(t *testing.T, c *bustest.Cluster, lost, of uint64) {
	t.Helper()
	b, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	gotLost, gotOf, err := New(b, "reader").Lost(t.Context())
	if err != nil || gotLost != lost || gotOf != of {
		t.Errorf("%d of %d events are lost, %v, want %d of %d", gotLost, gotOf, err, lost, of)
	}
}

// TestClusterSummarises: two controllers do it at once, and a node is lost meanwhile.
func TestClusterSummarises(t *testing.T) {
	t.Parallel() // a cluster's acknowledgements are waited for
	c := bustest.ForTest(t, 3, nil)
	b, other := c.OpenForTest(t), c.OpenForTest(t)
	j := New(b, "ada")
	writeOld(t, j)
	before := told(t, j)
	var all sync.WaitGroup
	for _, b := range []*bus.Bus{b, other} {
		all.Go(func() {
			if _, err := New(b, "ada").Summarise(t.Context(), later); err != nil {
				t.Error(err)
			}
		})
	}
	c.Kill(0)
	all.Wait()
	if err := c.Run(0); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, told(t, New(other, "bob"))); diff != "" {
		t.Error(diff)
	}
	if n := events(t, b); n > 20 {
		t.Errorf("%d events of hosts are left", n)
	}
}
