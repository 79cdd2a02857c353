package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

var errCut = errors.New("disk full")

// fake is a step whose parts are functions; those that are nil succeed.
type fake struct {
	name    string
	prepare func() (json.RawMessage, error)
	do      func(context.Context) error
	undo    func(json.RawMessage) error
	report  Report
}

func (f fake) Name() string { return f.name }

func (f fake) Prepare(context.Context) (json.RawMessage, error) {
	if f.prepare == nil {
		return nil, nil
	}
	return f.prepare()
}

func (f fake) Do(ctx context.Context) error {
	if f.do == nil {
		return nil
	}
	return f.do(ctx)
}

func (f fake) Undo(_ context.Context, record json.RawMessage) error {
	if f.undo == nil {
		return nil
	}
	return f.undo(record)
}

func (f fake) Report() Report { return f.report }

func named(names ...inventory.HostName) []inventory.Host {
	hosts := make([]inventory.Host, len(names))
	for i, n := range names {
		hosts[i].Name = n
	}
	return hosts
}

// always gives every host the same steps.
func always(steps ...Step) func(inventory.Host, rollout.HostState) Task {
	return func(inventory.Host, rollout.HostState) Task { return Task{Steps: steps} }
}

func TestJournaledBeforeAndAfter(t *testing.T) {
	hosts := named("a")
	tp := newTape(t, rollout.Policy{Parallel: 1}, hosts)
	seen := func(want string) func(context.Context) error {
		return func(context.Context) error {
			if lines := tp.lines(t); lines[len(lines)-1] != want {
				t.Errorf("when the step ran, the journal ended with %q, want %q", lines[len(lines)-1], want)
			}
			return nil
		}
	}
	state := runAll(t, tp, hosts, always(
		fake{name: "refresh", do: seen("a: refresh doing")},
		fake{name: "install", do: seen("a: install doing"),
			prepare: func() (json.RawMessage, error) { return json.RawMessage(`{"shop":"1"}`), nil },
			report:  Report{Before: rollout.Versions{"shop": "1"}, After: rollout.Versions{"shop": "2"}, Notes: []string{"mended"}}},
	))
	want := "created|batch begun 1|a: refresh doing|a: refresh done|a: install doing|a: install done|a: done|batch ended 1|finished"
	if got := strings.Join(tp.lines(t), "|"); got != want {
		t.Errorf("the journal is %s, want %s", got, want)
	}
	host, _ := state.Host("a")
	if !slices.Equal(host.Notes, []string{"mended"}) || host.Before["shop"] != "1" || host.After["shop"] != "2" || string(host.Step("install").Undo[0].Record) != `{"shop":"1"}` {
		t.Errorf("the fold shows %+v", host)
	}
}

func TestVerdicts(t *testing.T) {
	boom := errors.New("cannot install shop: apt-get exited with 100")
	for _, tt := range []struct {
		name    string
		step    fake
		verdict rollout.Verdict
		status  rollout.Status
	}{
		{"fails", fake{do: func(context.Context) error { return boom }}, rollout.HostFailed, rollout.Failed},
		{"lost on the way", fake{do: func(context.Context) error { return Judge(rollout.HostUnknown, boom) }}, rollout.HostUnknown, rollout.Doing},
		{"cut short", fake{do: func(context.Context) error { return fmt.Errorf("cannot wait: %w", context.Canceled) }}, rollout.HostUnknown, rollout.Doing},
		{"cannot be reached", fake{prepare: func() (json.RawMessage, error) { return nil, fmt.Errorf("x: %w", Judge(rollout.HostUnreachable, boom)) }}, rollout.HostUnreachable, rollout.Pending},
		{"cannot be prepared", fake{prepare: func() (json.RawMessage, error) { return nil, boom }}, rollout.HostFailed, rollout.Pending},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hosts := named("bad", "good")
			tt.step.name = "install"
			later := fake{name: "verify", do: func(context.Context) error { t.Error("a step ran after one that failed"); return nil }}
			state := runAll(t, newTape(t, rollout.Policy{Parallel: 2}, hosts), hosts, func(h inventory.Host, _ rollout.HostState) Task {
				if h.Name == "good" {
					return Task{Steps: []Step{fake{name: "install"}}}
				}
				return Task{Steps: []Step{tt.step, later}}
			})
			if good, _ := state.Host("good"); good.Verdict != rollout.HostDone {
				t.Errorf("the neighbour ended as %+v", good)
			}
			bad, _ := state.Host("bad")
			if got := bad.Step("install").Status; got != tt.status || bad.Verdict != tt.verdict || !strings.Contains(bad.Cause, "cannot ") {
				t.Errorf("the fold shows %+v, want %s and step %s", bad, tt.verdict, tt.status)
			}
		})
	}
}

// TestGrace: whoever is interrupted lets hosts finish for so long and no longer.
func TestGrace(t *testing.T) {
	hangup := errors.New("hangup")
	for _, tt := range []struct {
		name  string
		grace time.Duration
		want  string
		took  time.Duration
	}{
		{"as long as it takes", 0, "a done, b not started", time.Hour},
		{"within the grace", 2 * time.Hour, "a done, b not started", time.Hour},
		{"longer than the grace", time.Minute, "a unknown, b not started", 2 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hosts := named("a", "b")
				tp := newTape(t, rollout.Policy{Parallel: 1}, hosts)
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Minute, func() { cancel(hangup) })
				start := time.Now()
				err := (&Engine{Journal: tp, Grace: tt.grace}).Run(ctx, tp.fold(t), Work{Hosts: hosts, Task: always(fake{name: "install", do: func(ctx context.Context) error {
					select {
					case <-time.After(time.Hour):
						return nil
					case <-ctx.Done():
						return Judge(rollout.HostUnknown, context.Cause(ctx))
					}
				}})})
				if took := time.Since(start); !errors.Is(err, hangup) || took != tt.took {
					t.Errorf("it took %v and returned %v, want %v", took, err, tt.took)
				}
				if got := verdicts(tp.fold(t)); got != tt.want {
					t.Errorf("it ended with %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestCauseIsBounded(t *testing.T) {
	hosts := named("a")
	long := errors.New("cannot install: " + strings.Repeat("\xff€", 100_000))
	state := runAll(t, newTape(t, rollout.Policy{Parallel: 1}, hosts), hosts,
		always(fake{name: "install", do: func(context.Context) error { return long }}))
	host, _ := state.Host("a")
	if n := len(host.Cause); n < maxCause || n > 2*maxCause || !utf8.ValidString(host.Cause) {
		t.Errorf("%d bytes of the cause are journaled", n)
	}
}

func TestTaskIsClosedOnce(t *testing.T) {
	hosts := named("a", "b", "c")
	open, closed, most := 0, 0, 0
	var log strings.Builder
	tp := newTape(t, rollout.Policy{Parallel: 1}, hosts)
	e := &Engine{Journal: tp, Log: slog.New(slog.NewTextHandler(&log, nil))}
	err := e.Run(t.Context(), tp.fold(t), Work{Hosts: hosts, Task: func(h inventory.Host, _ rollout.HostState) Task {
		open++
		most = max(most, open-closed)
		return Task{
			Steps: []Step{fake{name: "x", do: func(context.Context) error {
				if h.Name == "b" {
					return errors.New("cannot do it")
				}
				return nil
			}}},
			Close: func() error { closed++; return errors.New("already gone") },
		}
	}})
	if n := strings.Count(log.String(), "already gone"); n != 3 {
		t.Errorf("%d failures to close were logged, want 3", n)
	}
	if err != nil || open != 3 || closed != 3 || most != 1 {
		t.Errorf("%d tasks opened, %d at a time, %d closed, %v", open, most, closed, err)
	}
}
