package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// hour is a step that takes so long, or three times that on a host that is slow.
func hour(h inventory.Host, _ rollout.HostState) Task {
	return Task{Steps: []Step{fake{name: "install", do: func(ctx context.Context) error {
		time.Sleep(time.Hour)
		switch h.Name {
		case "bad":
			return errors.New("cannot install")
		case "slow":
			time.Sleep(2 * time.Hour)
		}
		return nil
	}}}}
}

// gateFunc is a Gate that is one function.
type gateFunc func(context.Context, inventory.Host) error

func (f gateFunc) Wait(ctx context.Context, h inventory.Host, _ rollout.HostState) error {
	return f(ctx, h)
}

func verdicts(s *rollout.State) string {
	var words []string
	for _, h := range s.Hosts() {
		words = append(words, string(h.Name)+" "+h.Verdict.String())
	}
	return strings.Join(words, ", ")
}

// runHours runs a rollout in simulated time, and checks that the state
// it kept is what the journal amounts to.
func runHours(t *testing.T, tp *tape, ctx context.Context, work Work) (*rollout.State, time.Duration, error) {
	t.Helper()
	start := time.Now()
	state := tp.fold(t)
	err := (&Engine{Journal: tp}).Run(ctx, state, work)
	took := time.Since(start)
	folded := tp.fold(t)
	if got, want := verdicts(state), verdicts(folded); got != want || state.Phase != folded.Phase || state.Course.Batch != folded.Course.Batch {
		t.Errorf("Run keeps %s, and the journal says %s", got, want)
	}
	return folded, took, err
}

func TestRunTakesItsTime(t *testing.T) {
	all := []rollout.Amount{rollout.Percent(100)}
	oneByOne := []rollout.Amount{rollout.Hosts(1)}
	well := gateFunc(func(ctx context.Context, _ inventory.Host) error { time.Sleep(30 * time.Minute); return nil })
	hangs := gateFunc(func(ctx context.Context, _ inventory.Host) error {
		<-ctx.Done()
		return errors.New("cannot reach port 80: no answer")
	})
	for _, tt := range []struct {
		name   string
		hosts  []inventory.Host
		policy rollout.Policy
		gate   Gate
		took   time.Duration
		want   string
	}{
		{"window", named("a", "b", "c"), rollout.Policy{Parallel: 2, Batches: all}, nil, 2 * time.Hour, "a done, b done, c done"},
		{"the window slides", named("slow", "b", "c", "d", "e"), rollout.Policy{Parallel: 2, Batches: all}, nil, 4 * time.Hour, "slow done, b done, c done, d done, e done"},
		{"batches", named("a", "b", "c"), rollout.Policy{Parallel: 2, Batches: oneByOne}, nil, 3 * time.Hour, "a done, b done, c done"},
		{"pauses", named("a", "b", "c"), rollout.Policy{Parallel: 2, Batches: oneByOne, Pause: time.Hour}, nil, 5 * time.Hour, "a done, b done, c done"},
		{"gates go on beside the work", named("a", "b", "c"), rollout.Policy{Parallel: 1, Gate: true, Deadline: time.Hour}, well, 3*time.Hour + 30*time.Minute, "a done, b done, c done"},
		{"a gate that hangs", named("a", "b"), rollout.Policy{Parallel: 1, Batches: oneByOne, Gate: true, Deadline: time.Minute}, hangs, time.Hour + time.Minute, "a failed, b not started"},
		{"no gate is waited for once it stops", named("a", "bad", "c"), rollout.Policy{Parallel: 1, MaxFailures: rollout.Hosts(0), Gate: true, Deadline: 9 * time.Hour}, hangs, 2 * time.Hour, "a done, bad failed, c not started"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tp := newTape(t, tt.policy, tt.hosts)
				state, took, err := runHours(t, tp, t.Context(), Work{Hosts: tt.hosts, Task: hour, Gate: tt.gate})
				if got := verdicts(state); err != nil || took != tt.took || got != tt.want || state.Phase != rollout.Finished {
					t.Errorf("it took %v and ended, %v, with %s; want %v and %s", took, err, got, tt.took, tt.want)
				}
			})
		})
	}
}

func TestGateSaysWhy(t *testing.T) {
	hosts := named("a")
	tp := newTape(t, rollout.Policy{Parallel: 1, Gate: true, Deadline: time.Minute}, hosts)
	gate := gateFunc(func(context.Context, inventory.Host) error { return errors.New("cannot serve: 503") })
	state, _, err := runHours(t, tp, t.Context(), Work{Hosts: hosts, Task: always(fake{name: "install"}), Gate: gate})
	if a, _ := state.Host("a"); err != nil || a.Cause != "cannot serve: 503" || a.Gate != rollout.Failed || a.Verdict != rollout.HostFailed {
		t.Errorf("a ended as %+v, %v", a, err)
	}
	if err := (&Engine{Journal: tp}).Run(t.Context(), state, Work{Hosts: hosts}); err == nil {
		t.Error("a rollout with a gate was carried out without one")
	}
}

func TestAbortInTheMiddleOfABatch(t *testing.T) {
	for _, policy := range []rollout.Policy{
		{Parallel: 2},
		{Parallel: 2, Gate: true, Deadline: 9 * time.Hour},
		{Parallel: 2, Batches: []rollout.Amount{rollout.Hosts(2)}, Pause: 24 * time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			hosts := named("a", "b", "c", "d")
			abort := make(chan string, 2)
			after := 30 * time.Minute
			if policy.Pause > 0 {
				after = 12 * time.Hour
			}
			time.AfterFunc(after, func() { abort <- "wrong version"; abort <- "twice" })
			hangs := gateFunc(func(ctx context.Context, _ inventory.Host) error { <-ctx.Done(); return ctx.Err() })
			tp := newTape(t, policy, hosts)
			state, took, err := runHours(t, tp, t.Context(), Work{Hosts: hosts, Task: hour, Gate: hangs, Abort: abort})
			if want := max(after, time.Hour); err != nil || took != want || verdicts(state) != "a done, b done, c not started, d not started" {
				t.Errorf("after %v: %s, %v", took, verdicts(state), err)
			}
			if state.Aborted == nil || state.Aborted.Cause != "wrong version" || state.Phase != rollout.Finished {
				t.Errorf("it ended %s, aborted: %+v", state.Phase, state.Aborted)
			}
		})
	}
}

// TestInterrupted: whoever is interrupted lets hosts finish, begins no other,
// judges no gate, and leaves the rest to whoever resumes.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := named("a", "b", "c")
		tp := newTape(t, rollout.Policy{Parallel: 1, Gate: true, Deadline: 9 * time.Hour}, hosts)
		ill := gateFunc(func(ctx context.Context, _ inventory.Host) error { <-ctx.Done(); return ctx.Err() })
		hangup := errors.New("hangup")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(90*time.Minute, func() { cancel(hangup) })
		state, took, err := runHours(t, tp, ctx, Work{Hosts: hosts, Task: hour, Gate: ill})
		if !errors.Is(err, hangup) || took != 2*time.Hour || verdicts(state) != "a done, b done, c not started" || state.Phase != rollout.Open {
			t.Fatalf("after %v: %s, %s, %v", took, verdicts(state), state.Phase, err)
		}
		tp.must(t, rollout.Event{Kind: rollout.KindTaken})
		var waited atomic.Int32
		well := gateFunc(func(context.Context, inventory.Host) error { waited.Add(1); return nil })
		state, took, err = runHours(t, tp, t.Context(), Work{Hosts: hosts, Task: hour, Gate: well})
		if err != nil || took != time.Hour || state.ExitStatus() != rollout.ExitDone || waited.Load() != 3 {
			t.Errorf("resumed, it took %v with %d gates: %s, %v", took, waited.Load(), verdicts(state), err)
		}
	})
}

// TestTakenAway: what somebody else has taken is let go at once, and not a word of
// it is journaled.
func TestTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := named("a", "b", "c")
		tp := newTape(t, rollout.Policy{Parallel: 2}, hosts)
		attached := func(inventory.Host, rollout.HostState) Task {
			return Task{Steps: []Step{fake{name: "install", do: func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }}}}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(90*time.Minute, func() {
			tp.mu.Lock()
			tp.cut = len(tp.stored)
			tp.mu.Unlock()
			cancel(fmt.Errorf("%w: another one has it", ErrTakenOver))
		})
		state, took, err := runHours(t, tp, ctx, Work{Hosts: hosts, Task: attached})
		if err == nil || took != 90*time.Minute || verdicts(state) != "a running, b running, c not started" || state.Phase != rollout.Open {
			t.Errorf("after %v: %s, %s, %v", took, verdicts(state), state.Phase, err)
		}
	})
}

// TestPersonIsWaitedFor: what only a person can decide hands back control.
func TestPersonIsWaitedFor(t *testing.T) {
	hosts := named("a", "b")
	work := Work{Hosts: hosts, Task: always(fake{name: "install"})}
	tp := newTape(t, rollout.Policy{Parallel: 1, Batches: []rollout.Amount{rollout.Hosts(1)}, Confirm: true}, hosts)
	for range 2 {
		if state, _, err := runHours(t, tp, t.Context(), work); !errors.Is(err, ErrPaused) || verdicts(state) != "a done, b not started" {
			t.Fatalf("%s, %v", verdicts(state), err)
		}
	}
	tp.must(t, rollout.Event{Kind: rollout.KindContinued})
	if state, _, err := runHours(t, tp, t.Context(), work); err != nil || state.ExitStatus() != rollout.ExitDone {
		t.Errorf("%s, %v", verdicts(state), err)
	}

	spec := rollout.Spec{Mode: rollout.DistUpgrade, Policy: rollout.Policy{Parallel: 1}, Planned: true}
	spec.Take(hosts)
	tp = &tape{}
	tp.must(t, rollout.Event{Kind: rollout.KindCreated, Spec: &spec})
	if state, _, err := runHours(t, tp, t.Context(), work); !errors.Is(err, ErrUnplanned) || verdicts(state) != "a not started, b not started" {
		t.Fatalf("%s, %v", verdicts(state), err)
	}
	plan := rollout.NewPlan([]rollout.HostPlan{{Host: "a"}, {Host: "b"}})
	tp.must(t, plan.Events()...)
	tp.must(t, rollout.Event{Kind: rollout.KindApproved, Digest: plan.Digest()})
	if state, _, err := runHours(t, tp, t.Context(), work); err != nil || state.ExitStatus() != rollout.ExitDone {
		t.Errorf("%s, %v", verdicts(state), err)
	}
}

// TestHostThatIsGone: the inventory of whoever resumes no longer has a host.
func TestHostThatIsGone(t *testing.T) {
	hosts := named("a", "b")
	tp := newTape(t, rollout.Policy{Parallel: 2}, hosts)
	work := Work{Hosts: hosts[:1], Task: always(fake{name: "install"})}
	state, _, err := runHours(t, tp, t.Context(), work)
	if b, _ := state.Host("b"); err != nil || verdicts(state) != "a done, b unreachable" || !strings.Contains(b.Cause, "inventory") {
		t.Errorf("%s (%s), %v", verdicts(state), b.Cause, err)
	}
	if err := decideOn(t, tp, rollout.Event{Kind: rollout.KindRollback}); err != nil {
		t.Fatal(err)
	}
	work.Hosts = nil
	state, _, err = runHours(t, tp, t.Context(), work)
	if err != nil || verdicts(state) != "a unreachable, b unreachable" || state.ExitStatus() != rollout.ExitSomeFailed {
		t.Errorf("%s, exit status %d, %v", verdicts(state), state.ExitStatus(), err)
	}
	if err := decideOn(t, tp, rollout.Event{Kind: rollout.KindRollback}); err != nil {
		t.Fatal(err)
	}
	work.Hosts = hosts
	state, _, err = runHours(t, tp, t.Context(), work)
	if err != nil || verdicts(state) != "a returned, b unreachable" || state.ExitStatus() != rollout.ExitReturned {
		t.Errorf("%s, exit status %d, %v", verdicts(state), state.ExitStatus(), err)
	}
}
