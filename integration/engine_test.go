package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/engine"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// shelf is a fleet that is nothing but the version on each host, so that what is
// put to the test is the engine over the real journal.
type shelf struct {
	mu       sync.Mutex
	versions map[inventory.HostName]string
	broken   inventory.HostName // where the new version does not install
	entered  chan inventory.HostName
	leave    chan struct{} // hosts wait for it where it is there
}

func (s *shelf) get(h inventory.HostName) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.versions[h]
}

func (s *shelf) set(h inventory.HostName, version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions[h] = version
}

// shelfStep upgrades one host from 1 to 2.
type shelfStep struct {
	*shelf
	host inventory.HostName
}

func (s shelfStep) Name() string { return "apt" }

func (s shelfStep) Prepare(context.Context) (json.RawMessage, error) {
	return json.Marshal(s.get(s.host))
}

func (s shelfStep) Do(context.Context) error {
	if s.leave != nil {
		s.entered <- s.host
		<-s.leave
	}
	s.set(s.host, "2")
	if s.host == s.broken {
		return errors.New("cannot install shop: apt-get exited with 100")
	}
	return nil
}

func (s shelfStep) Undo(_ context.Context, undo json.RawMessage) error {
	var version string
	if err := json.Unmarshal(undo, &version); err != nil {
		return err
	}
	s.set(s.host, version)
	return nil
}

// Wait makes a shelf a gate.
func (s *shelf) Wait(_ context.Context, h inventory.Host, _ rollout.HostState) error {
	if got := s.get(h.Name); got != "2" {
		return fmt.Errorf("cannot serve: version %s is installed", got)
	}
	return nil
}

func (s *shelf) work(hosts []inventory.Host) engine.Work {
	return engine.Work{Hosts: hosts, Gate: s, Task: func(h inventory.Host, _ rollout.HostState) engine.Task {
		return engine.Task{Steps: []engine.Step{shelfStep{s, h.Name}}}
	}}
}

// newShelf returns a fleet and a rollout of it that is planned and approved.
func newShelf(t *testing.T, j *journal.Journal, policy rollout.Policy, names ...inventory.HostName) (*shelf, engine.Work, *journal.Writer) {
	t.Helper()
	s := &shelf{versions: map[inventory.HostName]string{}}
	var hosts []inventory.Host
	var plans []rollout.HostPlan
	for _, name := range names {
		hosts = append(hosts, inventory.Host{Name: name})
		plans = append(plans, rollout.HostPlan{Host: name, Changes: []rollout.Change{{Package: "shop", Old: "1", New: "2"}}})
		s.set(name, "1")
	}
	spec := rollout.Spec{Mode: rollout.Install, Packages: []rollout.Package{{Name: "shop"}}, Policy: policy, Planned: true}
	spec.Take(hosts)
	w, err := j.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	plan := rollout.NewPlan(plans)
	for _, e := range append(plan.Events(), rollout.Event{Kind: rollout.KindApproved, Digest: plan.Digest()}) {
		if err := w.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	return s, s.work(hosts), w
}

var errDead = errors.New("the controller is dead")

// mortal is a journal whose controller dies after so many events.
type mortal struct {
	*journal.Writer
	left atomic.Int32
}

func (m *mortal) Append(ctx context.Context, e rollout.Event) error {
	if m.left.Add(-1) < 0 {
		return errDead
	}
	return m.Writer.Append(ctx, e)
}

// carry goes on with a rollout as far as its writer lives.
func carry(t *testing.T, j *journal.Journal, w *journal.Writer, life int32, work engine.Work) error {
	t.Helper()
	state, err := j.Read(t.Context(), w.ID())
	if err != nil {
		t.Fatal(err)
	}
	m := &mortal{Writer: w}
	m.left.Store(life)
	return (&engine.Engine{Journal: m}).Run(t.Context(), state, work)
}

func openJournal(t *testing.T) (*journal.Journal, *bus.Bus) {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{State: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return journal.New(b, "ada@deploy (1)"), b
}

// TestRunDiesAfterEveryEvent lets the controller die after every event of a
// rollout that takes itself back, and again after every third event of those
// who resume: the store has the same end each time.
func TestRunDiesAfterEveryEvent(t *testing.T) {
	j, _ := openJournal(t)
	policy := rollout.Policy{
		Parallel: 1, Batches: []rollout.Amount{rollout.Hosts(1), rollout.Percent(100)},
		MaxFailures: rollout.Hosts(0), OnFailure: rollout.Rollback, Gate: true, Deadline: 1e12,
	}
	const want = "a returned 1, b returned 1, c returned 1, d not started 1; exit status 5, finished"
	died := true
	for life := int32(0); died; life++ {
		s, work, w := newShelf(t, j, policy, "a", "b", "c", "d")
		s.broken = "c"
		err := carry(t, j, w, life, work)
		died = errors.Is(err, errDead)
		for ; errors.Is(err, errDead); err = carry(t, j, w, 3, work) {
			if w, err = j.Take(t.Context(), w.ID()); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := s.describe(t, j, w.ID()); got != want {
			t.Errorf("with the first death after %d events it ends with %s, want %s", life, got, want)
		}
	}
}

func (s *shelf) describe(t *testing.T, j *journal.Journal, id rollout.ID) string {
	t.Helper()
	state, err := j.Read(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, h := range state.Hosts() {
		words = append(words, fmt.Sprintf("%s %s %s", h.Name, h.Verdict, s.get(h.Name)))
	}
	return fmt.Sprintf("%s; exit status %d, %s", strings.Join(words, ", "), state.ExitStatus(), state.Phase)
}

// TestRunIsFenced: while one controller waits for a host, another takes the
// rollout. The first begins no further host, and names who has it.
func TestRunIsFenced(t *testing.T) {
	ada, b := openJournal(t)
	s, work, w := newShelf(t, ada, rollout.Policy{Parallel: 1}, "a", "b")
	s.entered, s.leave = make(chan inventory.HostName, 4), make(chan struct{})
	shutOut := make(chan error)
	go func() { shutOut <- carry(t, ada, w, 1000, work) }()
	if h := <-s.entered; h != "a" {
		t.Errorf("%s is first", h)
	}
	bob := journal.New(b, "bob@laptop (2)")
	w, err := bob.Take(t.Context(), w.ID())
	if err != nil {
		t.Fatal(err)
	}
	close(s.leave)
	err = <-shutOut
	var fenced *journal.FencedError
	if !errors.As(err, &fenced) || fenced.By != "bob@laptop (2)" {
		t.Errorf("the first controller ended with %v", err)
	}
	if got := s.get("b"); got != "1" {
		t.Errorf("b has version %s: the first controller went on", got)
	}
	if err := carry(t, bob, w, 1000, work); err != nil {
		t.Fatal(err)
	}
	if got, want := s.describe(t, bob, w.ID()), "a done 2, b done 2; exit status 0, finished"; got != want {
		t.Errorf("the second ended with %s, want %s", got, want)
	}
}
