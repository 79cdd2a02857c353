package schedule

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

// fakeStore is a Store in memory, with the same refusals.
type fakeStore struct {
	mu       sync.Mutex
	revision uint64
	runs     map[runKey]Run
	settings map[string]Settings
	fail     error // of every write and read
}

func newFakeStore() *fakeStore {
	return &fakeStore{runs: map[runKey]Run{}, settings: map[string]Settings{}}
}

func (p *fakeStore) Begin(_ context.Context, r Run) (Run, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, there := p.runs[r.key()]; there {
		return r, ErrConflict
	}
	return p.put(r)
}

func (p *fakeStore) Amend(_ context.Context, r Run) (Run, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runs[r.key()].Revision != r.Revision {
		return r, ErrConflict
	}
	return p.put(r)
}

func (p *fakeStore) put(r Run) (Run, error) {
	p.revision++
	r.Revision = p.revision
	p.runs[r.key()] = r
	return r, p.fail
}

func (p *fakeStore) Runs(_ context.Context, schedule string) ([]Run, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var runs []Run
	for _, r := range p.runs {
		if r.Schedule == schedule {
			runs = append(runs, r)
		}
	}
	slices.SortFunc(runs, func(a, b Run) int { return b.Due.Compare(a.Due) })
	return runs, p.fail
}

func (p *fakeStore) Settings(_ context.Context, schedule string) (Settings, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settings[schedule], p.fail
}

func (p *fakeStore) Set(_ context.Context, s Settings) (Settings, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.settings[s.Schedule].Revision != s.Revision {
		return s, ErrConflict
	}
	p.revision++
	s.Revision = p.revision
	p.settings[s.Schedule] = s
	return s, p.fail
}

// all returns the runs of all schedules in a line each, by time.
func (p *fakeStore) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	runs := slices.SortedFunc(maps.Values(p.runs), func(a, b Run) int { return a.Due.Compare(b.Due) })
	var lines []string
	for _, r := range runs {
		words := []string{r.Due.UTC().Format("02 15:04"), r.Schedule, r.Outcome.String(), string(r.Rollout), r.Text}
		lines = append(lines, strings.Join(strings.Fields(strings.Join(words, " ")), " "))
	}
	return lines
}

// fakeRollouts carries rollouts out in no time, or in what takes says.
type fakeRollouts struct {
	takes  time.Duration
	status int
	dies   bool // before it notes what it journaled

	mu      sync.Mutex
	journal []Order // the rollouts R1, R2, … that were created
	begun   map[rollout.ID]time.Time
	over    map[rollout.ID]Ending
}

func newFakeRollouts() *fakeRollouts {
	return &fakeRollouts{begun: map[rollout.ID]time.Time{}, over: map[rollout.ID]Ending{}}
}

func (h *fakeRollouts) Begin(ctx context.Context, o Order, noted func(rollout.ID) error) (Ending, error) {
	h.mu.Lock()
	h.journal = append(h.journal, o)
	id := rollout.NewID(len(h.journal))
	h.mu.Unlock()
	if h.dies {
		<-ctx.Done()
		return Ending{}, ctx.Err()
	}
	if err := noted(id); err != nil {
		return Ending{}, fmt.Errorf("%s is aborted: %w", id, err)
	}
	return h.Resume(ctx, id)
}

func (h *fakeRollouts) Resume(ctx context.Context, id rollout.ID) (Ending, error) {
	h.mu.Lock()
	h.begun[id] = time.Now()
	ending := Ending{h.status, "1 done"}
	h.mu.Unlock()
	select {
	case <-time.After(h.takes):
	case <-ctx.Done():
		if _, closed := errors.AsType[*WindowError](context.Cause(ctx)); !closed {
			return Ending{}, ctx.Err()
		}
		ending = Ending{rollout.ExitStopped, context.Cause(ctx).Error()}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over[id] = ending
	return ending, nil
}

func (h *fakeRollouts) Find(_ context.Context, o Order) (rollout.ID, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, known := range h.journal {
		if known.Author() == o.Author() && known.Due.Equal(o.Due) {
			return rollout.NewID(i + 1), nil
		}
	}
	return "", nil
}

func (h *fakeRollouts) Ended(_ context.Context, id rollout.ID) (Ending, bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ending, ended := h.over[id]
	return ending, ended, nil
}

// began returns when each order was begun, by its due time.
func (h *fakeRollouts) began() []time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	var at []time.Time
	for i := range h.journal {
		at = append(at, h.begun[rollout.NewID(i+1)])
	}
	return at
}

// trouble has every write and read fail from now on.
func (p *fakeStore) trouble(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = err
}
