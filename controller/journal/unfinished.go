package journal

import (
	"context"
	"fmt"
	"slices"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

// UnfinishedScanner looks again and again at which rollouts are not finished. It reads those
// of which something was decided since, so that a look costs one request. Its zero
// value but for Journal is ready; it is for one goroutine.
type UnfinishedScanner struct {
	Journal *Journal

	seen map[rollout.ID]Unfinished
}

// Unfinished is a rollout that somebody has to go on with.
type Unfinished struct {
	ID        rollout.ID
	Decisions uint64 // how many were made of it by now: while there are no more, it stands where it stood

	over bool
}

// Scan returns the rollouts that are not finished, the oldest first. Those that
// cannot be read are left out: whoever looks at one of them is told.
func (s *UnfinishedScanner) Scan(ctx context.Context) ([]Unfinished, error) {
	counts, err := s.Journal.decided(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot look for rollouts that are not finished: %w", err)
	}
	seen := make(map[rollout.ID]Unfinished, len(counts))
	var open []Unfinished
	for id, n := range counts {
		u, known := s.seen[id]
		if !known || u.Decisions != n {
			e := Entry{ID: id}
			err := s.Journal.fill(ctx, &e)
			_, finished := e.Finished()
			u = Unfinished{ID: id, Decisions: n, over: finished || err != nil}
		}
		seen[id] = u
		if !u.over {
			open = append(open, u)
		}
	}
	s.seen = seen
	slices.SortFunc(open, func(a, b Unfinished) int { return a.ID.Number() - b.ID.Number() })
	return open, context.Cause(ctx)
}
