package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// TestStoppedAfterEveryEvent lets the journal of every story end at its first
// event, its second, and so on. Nobody resumes: what the fold shows must never
// claim less than what was done to a host.
func TestStoppedAfterEveryEvent(t *testing.T) {
	hosts := named("a", "b", "c", "d")
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			for cut := 1; ; cut++ {
				all := newMachines(hosts)
				if story.plight != nil {
					story.plight(all)
				}
				tp := newTape(t, story.policy, hosts)
				tp.cut = cut
				err := (&Engine{Journal: tp}).Run(t.Context(), tp.fold(t), Work{Hosts: hosts, Task: all.task, Gate: all, Watch: all})
				all.checkTruth(t, cut, tp.fold(t))
				if err == nil {
					break
				}
				if !errors.Is(err, errCut) {
					t.Fatalf("cut at %d it ends with %v", cut, err)
				}
			}
		})
	}
}

// checkTruth compares the machines with what the events say of them.
func (all machines) checkTruth(t *testing.T, cut int, s *rollout.State) {
	t.Helper()
	for _, host := range s.Hosts() {
		m := all[host.Name]
		for name, version := range map[string]string{"config": m.config, "app": m.app} {
			status := host.Step(name).Status
			switch {
			case status == rollout.Pending && version != "1":
				t.Errorf("cut at %d: %s was changed by %s, of which the journal knows nothing", cut, host.Name, name)
			case status == rollout.Done && version != "2", status == rollout.Undone && version != "1":
				t.Errorf("cut at %d: %s has %s %s, and the journal says %s", cut, host.Name, name, version, status)
			}
		}
		if host.Verdict == rollout.HostDone && m.app+m.config != "22" || host.Verdict == rollout.HostReturned && m.app+m.config != "11" {
			t.Errorf("cut at %d: %s is said to be %s and has %+v", cut, host.Name, host.Verdict, *m)
		}
	}
}

// TestTakenBackAfterEveryEvent stops a rollout at each of its events and takes it
// back instead of going on, with a journal that is cut again at each event: every
// host must be back at the first versions.
func TestTakenBackAfterEveryEvent(t *testing.T) {
	hosts := named("a", "b", "c")
	for cut, whole := 1, false; !whole; cut++ {
		for cutBack, back := 1, false; !back; cutBack++ {
			all := newMachines(hosts)
			all["b"].breaks = 1
			work := Work{Hosts: hosts, Task: all.task}
			tp := newTape(t, rollout.Policy{Parallel: 1}, hosts)
			tp.cut = cut
			whole = !tp.dies(t, work)
			if err := decideOn(t, tp, rollout.Event{Kind: rollout.KindRollback}); err != nil {
				t.Fatal(err)
			}
			tp.cut = len(tp.stored) + cutBack - 1
			if back = !tp.dies(t, work); !back {
				tp.must(t, rollout.Event{Kind: rollout.KindTaken})
				tp.dies(t, work)
			}
			for _, host := range tp.fold(t).Hosts() {
				m := all[host.Name]
				if m.app+m.config != "11" || host.Touched() || len(host.Steps) > 0 && host.Verdict != rollout.HostReturned {
					t.Errorf("cut at %d and %d: %s has %+v, and the journal says %+v", cut, cutBack, host.Name, *m, host)
				}
			}
		}
	}
}

// dies carries a rollout out until the tape is cut, which it is no longer then,
// and reports whether it was.
func (tp *tape) dies(t *testing.T, work Work) bool {
	t.Helper()
	err := (&Engine{Journal: tp}).Run(t.Context(), tp.fold(t), work)
	if err != nil && !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	tp.cut = 0
	return err != nil
}

func TestUndoOrderAndStuck(t *testing.T) {
	hosts := named("a")
	var undone []string
	broken := true
	step := func(name string, do, undo error) fake {
		return fake{name: name, do: func(context.Context) error { return do },
			prepare: func() (json.RawMessage, error) { return json.RawMessage(fmt.Sprintf("%q", name)), nil },
			undo: func(record json.RawMessage) error {
				undone = append(undone, string(record))
				if broken {
					return undo
				}
				return nil
			}}
	}
	task := always(step("one", nil, nil), step("two", nil, errors.New("cannot return two: postinst exited with 1")), step("three", errors.New("cannot do three"), nil), step("four", nil, nil))
	tp := newTape(t, rollout.Policy{Parallel: 1}, hosts)
	runAll(t, tp, hosts, task)
	state := runBack(t, tp, hosts, task)
	if a, _ := state.Host("a"); a.Verdict != rollout.HostStuck || a.Step("two").Status != rollout.Stuck || !strings.HasPrefix(a.Cause, "cannot return two") {
		t.Fatalf("taken back, a is %+v", a)
	}
	broken = false
	state = runBack(t, tp, hosts, task)
	if a, _ := state.Host("a"); a.Verdict != rollout.HostReturned {
		t.Fatalf("taken back once more, a is %+v", a)
	}
	if want := []string{`"three"`, `"two"`, `"two"`, `"one"`}; !slices.Equal(undone, want) {
		t.Errorf("undone in the order %v, want %v", undone, want)
	}
}

// TestUndoOfUnknownStep: another program has begun what this one cannot undo.
func TestUndoOfUnknownStep(t *testing.T) {
	hosts := named("a")
	tp := newTape(t, rollout.Policy{Parallel: 1}, hosts)
	runAll(t, tp, hosts, always(fake{name: "old"}))
	state := runBack(t, tp, hosts, always(fake{name: "new"}))
	if a, _ := state.Host("a"); a.Verdict != rollout.HostStuck || !strings.Contains(a.Cause, "no such step") {
		t.Errorf("a ended as %+v", a)
	}
}

// runAll runs a rollout to its end and returns how it then stands.
func runAll(t *testing.T, tp *tape, hosts []inventory.Host, task func(inventory.Host, rollout.HostState) Task) *rollout.State {
	t.Helper()
	if err := (&Engine{Journal: tp}).Run(t.Context(), tp.fold(t), Work{Hosts: hosts, Task: task}); err != nil {
		t.Fatal(err)
	}
	return tp.fold(t)
}

// runBack is runAll for one that has finished and is to be taken back.
func runBack(t *testing.T, tp *tape, hosts []inventory.Host, task func(inventory.Host, rollout.HostState) Task) *rollout.State {
	t.Helper()
	if err := decideOn(t, tp, rollout.Event{Kind: rollout.KindRollback}); err != nil {
		t.Fatal(err)
	}
	return runAll(t, tp, hosts, task)
}
