package journal

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

func openBus(t testing.TB, state string) *bus.Bus {
	t.Helper()
	b, err := bus.Open(context.Background(), bus.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func someSpec(hosts ...inventory.HostName) rollout.Spec {
	return rollout.Spec{Mode: rollout.Install, Packages: []rollout.Package{{Name: "shop-web"}}, Hosts: hosts, Policy: rollout.Policy{Parallel: 4}}
}

func create(t testing.TB, j *Journal, hosts ...inventory.HostName) *Writer {
	t.Helper()
	w, err := j.Create(context.Background(), someSpec(hosts...))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func step(host inventory.HostName, status rollout.Status) rollout.Event {
	return rollout.Event{Kind: rollout.KindStep, Host: host, Attempt: 1, Step: "install", Status: status}
}

func result(host inventory.HostName, v rollout.Verdict) rollout.Event {
	return rollout.Event{Kind: rollout.KindResult, Host: host, Attempt: 1, Verdict: v}
}

func mustAppend(t testing.TB, w *Writer, events ...rollout.Event) {
	t.Helper()
	for _, e := range events {
		if err := w.Append(context.Background(), e); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAppendReadFinish(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada@deploy (1)")
	w := create(t, j, "a", "b")
	mustAppend(t, w, step("a", rollout.Doing), step("a", rollout.Done), result("a", rollout.HostDone), result("b", rollout.HostUnreachable))
	sum, err := w.Finish(t.Context())
	if err != nil || sum != (rollout.Summary{Done: 1, Unreachable: 1}) {
		t.Fatalf("Finish returned %+v, %v", sum, err)
	}
	state, err := j.Read(t.Context(), w.ID())
	if err != nil {
		t.Fatal(err)
	}
	if state.Phase != rollout.Finished || state.Summary() != sum || state.Owner != "ada@deploy (1)" || state.Created.IsZero() || state.Events != 6 {
		t.Errorf("the journal says %+v", state)
	}
}

func TestNotFound(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	create(t, j, "a")
	if _, err := j.Read(t.Context(), "R2"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Read returned %v", err)
	}
	if _, err := j.Take(t.Context(), "R2"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Take returned %v", err)
	}
	if _, err := j.Find(t.Context(), "R2"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Find returned %v", err)
	}
	if e, err := j.Find(t.Context(), "R1"); err != nil || e.Created.Spec == nil {
		t.Errorf("Find returned %+v, %v", e, err)
	}
}

// TestAuthor: who asked for a decision is its author, else who writes.
func TestAuthor(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "daemon")
	w := create(t, j, "a")
	mustAppend(t, w, rollout.Event{Kind: rollout.KindAborted, By: "ci", Cause: "asked for"})
	e, err := j.Find(t.Context(), w.ID())
	if err != nil || e.Created.By != "daemon" || e.Last.By != "ci" {
		t.Errorf("created by %q, aborted by %q, %v", e.Created.By, e.Last.By, err)
	}
}

// TestRefusedEventLeavesTheWriterAlive also checks that nothing of it is kept.
func TestRefusedEventLeavesTheWriterAlive(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	w := create(t, j, "a")
	if err := w.Append(t.Context(), step("a", rollout.Done)); err == nil || !strings.Contains(err.Error(), "pending") {
		t.Errorf("a step that was never begun is done: %v", err)
	}
	mustAppend(t, w, step("a", rollout.Doing))
	if state, err := j.Read(t.Context(), w.ID()); err != nil || state.Events != 2 {
		t.Errorf("the journal has %d events, want 2: %v", state.Events, err)
	}
}

func TestIDsAreCountedAndListedNewestFirst(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	if list, err := j.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("an empty journal lists %v, %v", list, err)
	}
	const n = 12 // R10 sorts before R9 as text
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if _, err := j.Create(t.Context(), someSpec("a")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w, err := j.Take(t.Context(), "R7")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := j.List(t.Context())
	if err != nil || len(list) != n {
		t.Fatalf("%d rollouts are listed, want %d: %v", len(list), n, err)
	}
	for i, e := range list {
		_, finished := e.Finished()
		if e.ID != rollout.NewID(n-i) || e.Created.Spec == nil || e.Err != nil || finished != (e.ID == "R7") {
			t.Errorf("entry %d is %+v", i, e)
		}
	}
}

// TestManyAtOnce: 1,000 hosts report at the same time, decisions in between.
func TestManyAtOnce(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	hosts := manyHosts(1000)
	w := create(t, j, hosts...)
	var wg sync.WaitGroup
	for i, h := range hosts {
		wg.Go(func() {
			for _, e := range []rollout.Event{step(h, rollout.Doing), step(h, rollout.Done), result(h, rollout.HostDone)} {
				if err := w.Append(t.Context(), e); err != nil {
					t.Error(err)
				}
			}
			if i%100 == 0 {
				if err := w.Append(t.Context(), rollout.Event{Kind: rollout.KindTaken}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	state, err := j.Read(t.Context(), w.ID())
	if err != nil || state.Results != 3000 || state.Term != 11 || state.Summary().Done != 1000 {
		t.Errorf("the journal has %d events of hosts in term %d: %v", state.Results, state.Term, err)
	}
}

// TestManyHosts: all of them are named in one message.
func TestManyHosts(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	w := create(t, j, manyHosts(100_000)...)
	if state, err := j.Read(t.Context(), w.ID()); err != nil || state.Summary().NotStarted != 100_000 {
		t.Errorf("the journal says %+v, %v", state.Summary(), err)
	}
}

// TestFailedStore: the writer ends with the reason, for every host that waits.
func TestFailedStore(t *testing.T) {
	b, err := bus.Open(t.Context(), bus.Options{State: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w := create(t, New(b, "ada"), "a", "b")
	mustAppend(t, w, step("a", rollout.Doing))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	first := w.Append(t.Context(), step("a", rollout.Done))
	second := w.Append(t.Context(), step("b", rollout.Doing))
	if first == nil || second == nil || errors.Unwrap(first) != errors.Unwrap(second) {
		t.Errorf("a writer without a store returned %v and then %v", first, second)
	}
}

func TestCancelledBeforeAppend(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	w := create(t, j, "a")
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("aborted by ada")
	cancel(cause)
	if err := w.Append(ctx, step("a", rollout.Doing)); !errors.Is(err, cause) {
		t.Errorf("Append returned %v", err)
	}
	mustAppend(t, w, step("a", rollout.Doing))
}

func TestWatch(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	w := create(t, j, "a")
	mustAppend(t, w, step("a", rollout.Doing))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var seen []string
	for e, err := range j.Watch(ctx, w.ID()) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, e.String())
		switch len(seen) { // what comes while watching
		case 2:
			mustAppend(t, w, step("a", rollout.Done), result("a", rollout.HostDone))
		case 4:
			if _, err := w.Finish(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if e.Kind == rollout.KindFinished {
			break
		}
	}
	if got, want := strings.Join(seen, "|"), "created|a: install doing|a: install done|a: done|finished"; got != want {
		t.Errorf("watched %s, want %s", got, want)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	j := New(openBus(t, t.TempDir()), "ada")
	w := create(t, j, "a")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range j.Watch(ctx, w.ID()) {
		if err != nil {
			t.Fatal(err)
		}
		cancel() // the next event never comes
	}
}
