package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// ward is a Watch whose hosts fall ill at a time after their watch began.
type ward struct {
	after map[inventory.HostName]time.Duration

	mu      sync.Mutex
	watched map[inventory.HostName]bool
	begun   []string // with the attempt, as they were
}

func (w *ward) Begin(h inventory.Host, at rollout.HostState, relapsed func(error)) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watched[h.Name] {
		panic(h.Name + " is watched twice")
	}
	w.watched[h.Name] = true
	w.begun = append(w.begun, fmt.Sprint(h.Name, at.Attempt))
	if after, ill := w.after[h.Name]; ill {
		time.AfterFunc(after, func() { relapsed(errors.New("unit shop.service is failed")); relapsed(errors.New("again")) })
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watched, h.Name)
	}
}

// TestRelapse has hosts that work an hour each, one after the other, and pass
// their gates in half an hour.
func TestRelapse(t *testing.T) {
	oneByOne := []rollout.Amount{rollout.Hosts(1)}
	gated := func(p rollout.Policy) rollout.Policy {
		p.Parallel, p.Batches, p.Gate, p.Deadline = 1, oneByOne, true, time.Hour
		return p
	}
	none := rollout.Hosts(0)
	for _, tt := range []struct {
		name   string
		policy rollout.Policy
		after  map[inventory.HostName]time.Duration
		took   time.Duration
		want   string
		begun  string
	}{
		{"all stay healthy", gated(rollout.Policy{MaxFailures: none}), nil, 4*time.Hour + 30*time.Minute,
			"a done, b done, c done", "a1 b1 c1"},
		{"in a pause", gated(rollout.Policy{MaxFailures: none, Pause: 9 * time.Hour}), map[inventory.HostName]time.Duration{"a": time.Hour}, 2*time.Hour + 30*time.Minute,
			"a failed, b not started, c not started", "a1"},
		{"while the next is worked on", gated(rollout.Policy{MaxFailures: none}), map[inventory.HostName]time.Duration{"a": time.Minute}, 2*time.Hour + 30*time.Minute,
			"a failed, b done, c not started", "a1"},
		{"while the next is in its gate", gated(rollout.Policy{MaxFailures: none}), map[inventory.HostName]time.Duration{"a": time.Hour + time.Minute}, 2*time.Hour + 31*time.Minute,
			"a failed, b done, c not started", "a1"},
		{"within the budget", gated(rollout.Policy{MaxFailures: one}), map[inventory.HostName]time.Duration{"a": time.Minute}, 4*time.Hour + 30*time.Minute,
			"a failed, b done, c done", "a1 b1 c1"},
		{"one and another one", gated(rollout.Policy{MaxFailures: one, Pause: time.Hour}), map[inventory.HostName]time.Duration{"a": time.Hour + 2*time.Minute, "b": time.Minute}, 4*time.Hour + 31*time.Minute,
			"a failed, b failed, c not started", "a1 a1 b1"},
		{"an ended watch says no more", gated(rollout.Policy{MaxFailures: none, Pause: time.Hour}), map[inventory.HostName]time.Duration{"a": time.Hour + 31*time.Minute}, 4*time.Hour + 31*time.Minute,
			"a failed, b done, c not started", "a1 a1 b1"},
		{"when no other is begun any more", gated(rollout.Policy{MaxFailures: none}), map[inventory.HostName]time.Duration{"b": time.Minute}, 4*time.Hour + 30*time.Minute,
			"a done, b failed, c done", "a1 b1 c1"},
		{"on failure continue", gated(rollout.Policy{MaxFailures: none, OnFailure: rollout.Continue}), map[inventory.HostName]time.Duration{"a": time.Hour, "b": time.Minute}, 4*time.Hour + 30*time.Minute,
			"a failed, b failed, c done", "a1 b1 c1"},
		{"after the last", gated(rollout.Policy{MaxFailures: none}), map[inventory.HostName]time.Duration{"a": 9 * time.Hour}, 4*time.Hour + 30*time.Minute,
			"a done, b done, c done", "a1 b1 c1"},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hosts := named("a", "b", "c")
				w := &ward{after: tt.after, watched: map[inventory.HostName]bool{}}
				gate := gateFunc(func(ctx context.Context, _ inventory.Host) error {
					select {
					case <-time.After(30 * time.Minute):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				})
				tp := newTape(t, tt.policy, hosts)
				state, took, err := runHours(t, tp, t.Context(), Work{Hosts: hosts, Task: hour, Gate: gate, Watch: w})
				if got := verdicts(state); err != nil || took != tt.took || got != tt.want || state.Phase != rollout.Finished {
					t.Errorf("it took %v and ended, %v, with %s; want %v and %s", took, err, got, tt.took, tt.want)
				}
				if a, _ := state.Host("a"); a.Verdict == rollout.HostFailed && a.Cause != "unit shop.service is failed" {
					t.Errorf("a failed because %q", a.Cause)
				}
				if got := strings.Join(w.begun, " "); got != tt.begun || len(w.watched) > 0 {
					t.Errorf("watched were %s, want %s; still are %v", got, tt.begun, w.watched)
				}
			})
		})
	}
}

// TestWatchedInPauses: where looking at hosts has its price, they are watched in the
// pauses between batches alone, and only as long as those last.
func TestWatchedInPauses(t *testing.T) {
	for _, tt := range []struct {
		budget rollout.Amount
		took   time.Duration
		want   string
		begun  string
	}{
		{rollout.Hosts(0), time.Hour + time.Minute, "d done, a failed, b not started, c not started", "d1 a1"},
		{one, 9*time.Hour + time.Minute, "d done, a failed, b failed, c not started", "d1 a1 d1 b1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			hosts := named("d", "a", "b", "c")
			w := &ward{after: map[inventory.HostName]time.Duration{"a": time.Minute, "b": time.Minute}, watched: map[inventory.HostName]bool{}}
			gate := gateFunc(func(context.Context, inventory.Host) error { return nil })
			busy := func(h inventory.Host, at rollout.HostState) Task {
				if len(w.watched) > 0 {
					t.Errorf("while a batch runs, %v are watched", w.watched)
				}
				return hour(h, at)
			}
			policy := rollout.Policy{Parallel: 1, Batches: []rollout.Amount{one}, MaxFailures: tt.budget, Pause: 7 * time.Hour, Gate: true, Deadline: time.Hour}
			tp := newTape(t, policy, hosts)
			tp.must(t, finishedBatch("d")...)
			tp.must(t, rollout.Event{Kind: rollout.KindContinued})
			state, took, err := runHours(t, tp, t.Context(), Work{Hosts: hosts, Task: busy, Gate: gate, PauseWatch: w})
			if got := verdicts(state); err != nil || took != tt.took || got != tt.want {
				t.Errorf("it took %v and ended, %v, with %s; want %v and %s", took, err, got, tt.took, tt.want)
			}
			if got := strings.Join(w.begun, " "); got != tt.begun || len(w.watched) > 0 {
				t.Errorf("watched were %s, want %s; still are %v", got, tt.begun, w.watched)
			}
		})
	}
}

// TestWatchedTwice: what is heard of hosts always, and what is seen of them in pauses, each
// tells of a relapse, once.
func TestWatchedTwice(t *testing.T) {
	for _, tt := range []struct {
		name          string
		heard, seen   map[inventory.HostName]time.Duration
		took          time.Duration
		begun, looked string
	}{
		{"heard while another is worked on", map[inventory.HostName]time.Duration{"a": 45 * time.Minute}, nil, 2*time.Hour + 30*time.Minute, "a1 a1", "a1"},
		{"seen in a pause", nil, map[inventory.HostName]time.Duration{"a": time.Minute}, time.Hour + time.Minute, "a1", "a1"},
		{"both", map[inventory.HostName]time.Duration{"a": time.Minute}, map[inventory.HostName]time.Duration{"a": time.Minute}, time.Hour + time.Minute, "a1", "a1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			hosts := named("a", "b", "c")
			always := &ward{after: tt.heard, watched: map[inventory.HostName]bool{}}
			pauses := &ward{after: tt.seen, watched: map[inventory.HostName]bool{}}
			gate := gateFunc(func(context.Context, inventory.Host) error { return nil })
			policy := rollout.Policy{Parallel: 1, Batches: []rollout.Amount{one}, MaxFailures: rollout.Hosts(0), Pause: 30 * time.Minute, Gate: true, Deadline: time.Hour}
			state, took, err := runHours(t, newTape(t, policy, hosts), t.Context(), Work{Hosts: hosts, Task: hour, Gate: gate, Watch: always, PauseWatch: pauses})
			a, _ := state.Host("a")
			if err != nil || a.Verdict != rollout.HostFailed || len(always.watched)+len(pauses.watched) > 0 {
				t.Errorf("%s: %s, %v; watched still are %v and %v", tt.name, verdicts(state), err, always.watched, pauses.watched)
			}
			if heard, seen := strings.Join(always.begun, " "), strings.Join(pauses.begun, " "); took != tt.took || heard != tt.begun || seen != tt.looked {
				t.Errorf("%s: it took %v, and watched were %s, and in pauses %s", tt.name, took, heard, seen)
			}
		})
	}
}

// TestNotWatchedInHand: a host that is taken in hand again, here to be taken back,
// is not watched; what was noticed of it just before is of no account.
func TestNotWatchedInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := named("a", "b")
		w := &ward{after: map[inventory.HostName]time.Duration{"a": 0, "b": 0}, watched: map[inventory.HostName]bool{}}
		well := gateFunc(func(context.Context, inventory.Host) error { return nil })
		policy := rollout.Policy{Parallel: 1, Batches: []rollout.Amount{one}, Confirm: true, Gate: true, Deadline: time.Hour}
		undone := func(inventory.Host, rollout.HostState) Task {
			return Task{Steps: []Step{fake{name: "install", undo: func(json.RawMessage) error {
				if len(w.watched) > 0 {
					t.Errorf("while a host is taken back, %v are watched", w.watched)
				}
				return nil
			}}}}
		}
		tp := newTape(t, policy, hosts)
		tp.must(t, finishedBatch("a")...)
		if err := decideOn(t, tp, rollout.Event{Kind: rollout.KindRollback}); err != nil {
			t.Fatal(err)
		}
		state, _, err := runHours(t, tp, t.Context(), Work{Hosts: hosts, Task: undone, Gate: well, Watch: w})
		if err != nil || verdicts(state) != "a returned, b not started" || len(w.begun) > 0 {
			t.Errorf("%s, %v; watched were %v", verdicts(state), err, w.begun)
		}
	})
}

// finishedBatch is what the journal says of a first batch of one host.
func finishedBatch(host inventory.HostName) []rollout.Event {
	of := func(e rollout.Event) rollout.Event { e.Host, e.Attempt = host, 1; return e }
	return []rollout.Event{
		{Kind: rollout.KindBatchBegun, Batch: 1},
		of(rollout.Event{Kind: rollout.KindStep, Step: "install", Status: rollout.Doing}),
		of(rollout.Event{Kind: rollout.KindStep, Step: "install", Status: rollout.Done}),
		of(rollout.Event{Kind: rollout.KindResult, Verdict: rollout.HostDone}),
		of(rollout.Event{Kind: rollout.KindGate, Status: rollout.Done}),
		{Kind: rollout.KindBatchEnded, Batch: 1},
		{Kind: rollout.KindPaused, Batch: 1},
	}
}

// TestRelapseIsSeenFirst: whoever goes on after a person was waited for begins no
// host where one is known not to be healthy any more.
func TestRelapseIsSeenFirst(t *testing.T) {
	hosts := named("a", "b")
	all := newMachines(hosts)
	all["a"].frail = true
	tp := newTape(t, rollout.Policy{Parallel: 1, Batches: []rollout.Amount{one}, MaxFailures: rollout.Hosts(0), Confirm: true, Gate: true, Deadline: time.Hour}, hosts)
	tp.must(t, finishedBatch("a")...)
	tp.must(t, rollout.Event{Kind: rollout.KindTaken}, rollout.Event{Kind: rollout.KindContinued})
	state, _, err := runHours(t, tp, t.Context(), Work{Hosts: hosts, Task: all.task, Gate: all, Watch: all})
	if err != nil || verdicts(state) != "a failed, b not started" || state.ExitStatus() != rollout.ExitStopped {
		t.Errorf("%s, exit status %d, %v", verdicts(state), state.ExitStatus(), err)
	}
}

// TestManyRelapses: what follows is asked after each, so that a whole batch that
// becomes unhealthy at once is not journaled before the rollout stops.
func TestManyRelapses(t *testing.T) {
	var names []inventory.HostName
	for i := range 100 {
		names = append(names, inventory.HostName(fmt.Sprintf("web-%02d", i)))
	}
	hosts := named(names...)
	all := newMachines(hosts)
	for _, m := range all {
		m.frail = true
	}
	tp := newTape(t, rollout.Policy{Parallel: 100, MaxFailures: rollout.Hosts(2), Gate: true, Deadline: time.Hour, Batches: []rollout.Amount{rollout.Hosts(90)}, Pause: time.Hour}, hosts)
	state, _, err := runHours(t, tp, t.Context(), Work{Hosts: hosts, Task: all.task, Gate: all, Watch: all})
	if failed := state.Summary().Failed; err != nil || failed != 3 || state.ExitStatus() != rollout.ExitStopped {
		t.Errorf("%d failed, exit status %d, %v", failed, state.ExitStatus(), err)
	}
	if stops := slices.Index(tp.kinds(t), rollout.KindStopped); stops < 0 {
		t.Errorf("the decisions are %v", tp.kinds(t))
	}
}
