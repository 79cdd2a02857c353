package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// memory is a journal that folds what it is given, as every reader would, and
// refuses events from the cut-th on.
type memory struct {
	mu    sync.Mutex
	state rollout.State
	lines []string
	cut   int // 0 is never
}

var errCut = errors.New("disk full")

func newMemory(t *testing.T, cut int, hosts ...inventory.Host) *memory {
	t.Helper()
	spec := &rollout.Spec{Mode: rollout.DistUpgrade, Policy: rollout.Policy{Parallel: 1}}
	for _, h := range hosts {
		spec.Hosts = append(spec.Hosts, h.Name)
	}
	m := &memory{cut: cut}
	if err := m.state.Apply(rollout.Event{Kind: rollout.KindCreated, Spec: spec}); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *memory) Append(_ context.Context, e rollout.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cut > 0 && len(m.lines) >= m.cut-1 {
		return errCut
	}
	if err := m.state.Apply(e); err != nil {
		return err
	}
	m.lines = append(m.lines, e.String())
	return nil
}

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
func always(steps ...Step) func(inventory.Host) Task {
	return func(inventory.Host) Task { return Task{Steps: steps} }
}

func TestRunJournalsBeforeAndAfter(t *testing.T) {
	hosts := named("a")
	m := newMemory(t, 0, hosts...)
	seen := func(want string) func(context.Context) error {
		return func(context.Context) error {
			if last := m.lines[len(m.lines)-1]; last != want {
				t.Errorf("when the step ran, the journal ended with %q, want %q", last, want)
			}
			return nil
		}
	}
	e := &Engine{Journal: m}
	results, err := e.Run(t.Context(), hosts, 1, always(
		fake{name: "refresh", do: seen("a: refresh doing")},
		fake{name: "install", do: seen("a: install doing"),
			prepare: func() (json.RawMessage, error) { return json.RawMessage(`{"shop":"1"}`), nil },
			report:  Report{Before: rollout.Versions{"shop": "1"}, After: rollout.Versions{"shop": "2"}, Notes: []string{"mended"}}},
	))
	if err != nil || results[0].Verdict != rollout.HostDone || results[0].Err != nil {
		t.Fatalf("Run returned %+v, %v", results, err)
	}
	want := "a: refresh doing|a: refresh done|a: install doing|a: install done|a: done"
	if got := strings.Join(m.lines, "|"); got != want {
		t.Errorf("the journal is %s, want %s", got, want)
	}
	host, _ := m.state.Host("a")
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
			m := newMemory(t, 0, hosts...)
			tt.step.name = "install"
			later := fake{name: "verify", do: func(context.Context) error { t.Error("a step ran after one that failed"); return nil }}
			results, err := (&Engine{Journal: m}).Run(t.Context(), hosts, 2, func(h inventory.Host) Task {
				if h.Name == "good" {
					return Task{Steps: []Step{fake{name: "install"}}}
				}
				return Task{Steps: []Step{tt.step, later}}
			})
			if err != nil || results[1].Verdict != rollout.HostDone {
				t.Errorf("the neighbour ended as %+v, %v", results[1], err)
			}
			r := results[0]
			if r.Verdict != tt.verdict || r.Step != "install" || r.Err == nil || !strings.HasPrefix(r.Err.Error(), "bad: cannot ") && tt.name != "cannot be reached" {
				t.Errorf("it ended as %+v, want %s", r, tt.verdict)
			}
			host, _ := m.state.Host("bad")
			if got := host.Step("install").Status; got != tt.status || host.Verdict != tt.verdict || host.Cause == "" {
				t.Errorf("the fold shows %+v, want step %s", host, tt.status)
			}
		})
	}
}

func TestWindowSlides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := named("slow", "b", "c", "d")
		var mu sync.Mutex
		running, most := 0, 0
		start := time.Now()
		work := func(h inventory.Host) Task {
			return Task{Steps: []Step{fake{name: "install", do: func(context.Context) error {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				took := time.Minute
				if h.Name == "slow" {
					took = 3 * time.Minute
				}
				time.Sleep(took)
				mu.Lock()
				running--
				mu.Unlock()
				return nil
			}}}}
		}
		results, err := (&Engine{Journal: newMemory(t, 0, hosts...)}).Run(t.Context(), hosts, 2, work)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 3*time.Minute || most != 2 {
			t.Errorf("it took %v with %d at a time, want 3m0s with 2", took, most)
		}
		for i, r := range results {
			if r.Host != hosts[i].Name || r.Verdict != rollout.HostDone {
				t.Errorf("result %d is %+v", i, r)
			}
		}
	})
}

func TestCancelLetsRunningHostsFinish(t *testing.T) {
	abort := errors.New("aborted by ada")
	for _, tt := range []struct {
		name  string
		grace time.Duration
		want  []rollout.Verdict
		took  time.Duration
	}{
		{"as long as it takes", 0, []rollout.Verdict{rollout.HostDone, rollout.HostNotStarted}, time.Hour},
		{"within the grace", 2 * time.Hour, []rollout.Verdict{rollout.HostDone, rollout.HostNotStarted}, time.Hour},
		{"longer than the grace", time.Minute, []rollout.Verdict{rollout.HostUnknown, rollout.HostNotStarted}, 2 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hosts := named("a", "b")
				m := newMemory(t, 0, hosts...)
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Minute, func() { cancel(abort) })
				start := time.Now()
				results, err := (&Engine{Journal: m, Grace: tt.grace}).Run(ctx, hosts, 1, always(fake{name: "install", do: func(ctx context.Context) error {
					select {
					case <-time.After(time.Hour):
						return nil
					case <-ctx.Done():
						return Judge(rollout.HostUnknown, context.Cause(ctx))
					}
				}}))
				if took := time.Since(start); err != nil || took != tt.took {
					t.Errorf("Run took %v and returned %v, want %v", took, err, tt.took)
				}
				for i, want := range tt.want {
					if host, _ := m.state.Host(hosts[i].Name); results[i].Verdict != want || host.Verdict != want {
						t.Errorf("%s ended as %+v, in the fold as %s, want %s", hosts[i].Name, results[i], host.Verdict, want)
					}
				}
				if !errors.Is(results[1].Err, abort) {
					t.Errorf("the host that was not started says %v", results[1].Err)
				}
			})
		})
	}
}

func TestCauseIsBounded(t *testing.T) {
	hosts := named("a")
	m := newMemory(t, 0, hosts...)
	long := errors.New("cannot install: " + strings.Repeat("\xff€", 100_000))
	results, err := (&Engine{Journal: m}).Run(t.Context(), hosts, 1, always(fake{name: "install", do: func(context.Context) error { return long }}))
	if err != nil || !errors.Is(results[0].Err, long) {
		t.Errorf("Run returned %v, %v", results[0].Err, err)
	}
	host, _ := m.state.Host("a")
	if n := len(host.Cause); n < maxCause || n > 2*maxCause || !utf8.ValidString(host.Cause) {
		t.Errorf("%d bytes of the cause are journaled", n)
	}
}

func TestTaskIsClosedOnce(t *testing.T) {
	hosts := named("a", "b", "c")
	open, closed, most := 0, 0, 0
	var log strings.Builder
	e := &Engine{Journal: newMemory(t, 0, hosts...), Log: slog.New(slog.NewTextHandler(&log, nil))}
	_, err := e.Run(t.Context(), hosts, 1, func(h inventory.Host) Task {
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
	})
	if n := strings.Count(log.String(), "already gone"); n != 3 {
		t.Errorf("%d failures to close were logged, want 3", n)
	}
	if err != nil || open != 3 || closed != 3 || most != 1 {
		t.Errorf("%d tasks opened, %d at a time, %d closed, %v", open, most, closed, err)
	}
}
