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

// target is a host whose versions the steps of site change for real, so that a
// test can compare the truth with what the journal says.
type target struct {
	app, config string
	failing     bool // app's installation fails half way
}

type site map[inventory.HostName]*target

func newSite(hosts []inventory.Host) site {
	s := site{}
	for _, h := range hosts {
		s[h.Name] = &target{app: "1", config: "1"}
	}
	return s
}

// task upgrades the config and then the app.
func (s site) task(h inventory.Host) Task {
	on := s[h.Name]
	set := func(what *string) func(json.RawMessage) error {
		return func(record json.RawMessage) error { return json.Unmarshal(record, what) }
	}
	remember := func(what *string) func() (json.RawMessage, error) {
		return func() (json.RawMessage, error) { return json.Marshal(*what) }
	}
	config := fake{name: "config", prepare: remember(&on.config), undo: set(&on.config),
		do: func(context.Context) error { on.config = "2"; return nil }}
	app := fake{name: "app", prepare: remember(&on.app), undo: set(&on.app),
		do: func(context.Context) error {
			if on.failing {
				on.app = "2 (half configured)"
				return errors.New("cannot install app: apt-get exited with 100")
			}
			on.app = "2"
			return nil
		}}
	return Task{Steps: []Step{config, app}}
}

// TestStoppedAfterEveryEvent runs three hosts, one of which fails, and lets the
// journal end at its first event, its second, and so on. What the fold shows
// must never claim less than what was done to a host.
func TestStoppedAfterEveryEvent(t *testing.T) {
	hosts := named("a", "b", "c")
	whole := 0
	for cut := 1; ; cut++ {
		s := newSite(hosts)
		s["b"].failing = true
		m := newMemory(t, cut, hosts...)
		results, err := (&Engine{Journal: m}).Run(t.Context(), hosts, 1, s.task)
		if err == nil {
			whole = cut
			break
		}
		if !errors.Is(err, errCut) || len(results) != len(hosts) || len(m.lines) != cut-1 {
			t.Fatalf("cut at %d: %d events, %d results, %v", cut, len(m.lines), len(results), err)
		}
		checkTruth(t, cut, s, m)
	}
	if whole != 3*5+1 {
		t.Errorf("a whole run has %d events, want 15", whole-1)
	}
}

func checkTruth(t *testing.T, cut int, s site, m *memory) {
	t.Helper()
	for _, host := range m.state.Hosts() {
		on := s[host.Name]
		for _, step := range []struct{ name, version string }{{"config", on.config}, {"app", on.app}} {
			status := host.Step(step.name).Status
			switch {
			case status == rollout.Pending && step.version != "1":
				t.Errorf("cut at %d: %s was changed by %s, of which the journal knows nothing", cut, host.Name, step.name)
			case status == rollout.Done && step.version != "2":
				t.Errorf("cut at %d: %s has %s %s, and the journal says done", cut, host.Name, step.name, step.version)
			}
		}
		if host.Verdict == rollout.HostDone && on.app+on.config != "22" {
			t.Errorf("cut at %d: %s is said to be done and has %+v", cut, host.Name, *on)
		}
	}
}

// TestUndoAfterEveryEvent undoes what each of those runs left, from the fold
// alone, with a journal that is itself cut at each event and then continued:
// every host must be back at the first versions.
func TestUndoAfterEveryEvent(t *testing.T) {
	hosts := named("a", "b", "c")
	for cut := 2; cut <= 16; cut++ {
		for cutUndo := 1; ; cutUndo++ {
			s := newSite(hosts)
			s["b"].failing = true
			m := newMemory(t, cut, hosts...)
			e := &Engine{Journal: m}
			_, _ = e.Run(t.Context(), hosts, 1, s.task) // its errors are the other test's
			m.cut = len(m.lines) + cutUndo
			_, cutErr := e.Undo(t.Context(), &m.state, hosts, 1, s.task)
			m.cut = 0
			if _, err := e.Undo(t.Context(), &m.state, hosts, 1, s.task); err != nil {
				t.Fatalf("cut at %d and %d: %v", cut, cutUndo, err)
			}
			for name, on := range s {
				host, _ := m.state.Host(name)
				if on.app+on.config != "11" || host.Touched() || len(host.Steps) > 0 && host.Verdict != rollout.HostReturned {
					t.Errorf("cut at %d and %d: %s has %+v, and the journal says %+v", cut, cutUndo, name, *on, host)
				}
			}
			if cutErr == nil {
				break
			}
		}
	}
}

func TestUndoOrderAndStuck(t *testing.T) {
	hosts := named("a")
	m := newMemory(t, 0, hosts...)
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
	e := &Engine{Journal: m}
	task := always(step("one", nil, nil), step("two", nil, errors.New("cannot return two: postinst exited with 1")), step("three", errors.New("cannot do three"), nil), step("four", nil, nil))
	if _, err := e.Run(t.Context(), hosts, 1, task); err != nil {
		t.Fatal(err)
	}
	results, err := e.Undo(t.Context(), &m.state, hosts, 1, task)
	if err != nil || results[0].Verdict != rollout.HostStuck || results[0].Step != "two" || !strings.HasPrefix(results[0].Err.Error(), "a: cannot return two") {
		t.Fatalf("Undo returned %+v, %v", results, err)
	}
	broken = false
	results, err = e.Undo(t.Context(), &m.state, hosts, 1, task)
	if err != nil || results[0].Verdict != rollout.HostReturned {
		t.Fatalf("the second Undo returned %+v, %v", results, err)
	}
	if want := []string{`"three"`, `"two"`, `"two"`, `"one"`}; !slices.Equal(undone, want) {
		t.Errorf("undone in the order %v, want %v", undone, want)
	}
}

// TestUndoKeepsHostsThatWereNotTouched also covers a step that this program no
// longer has.
func TestUndoKeepsHostsThatWereNotTouched(t *testing.T) {
	hosts := named("a", "b")
	m := newMemory(t, 0, hosts...)
	e := &Engine{Journal: m}
	if _, err := e.Run(t.Context(), hosts[:1], 1, always(fake{name: "old"})); err != nil {
		t.Fatal(err)
	}
	results, err := e.Undo(t.Context(), &m.state, hosts, 1, always(fake{name: "new"}))
	if err != nil || results[0].Verdict != rollout.HostStuck || !strings.Contains(results[0].Err.Error(), "no such step") {
		t.Errorf("a ended as %+v, %v", results[0], err)
	}
	if results[1].Verdict != rollout.HostNotStarted || results[1].Err != nil {
		t.Errorf("b ended as %+v", results[1])
	}
}
