package measure

import (
	"context"
	"fmt"
	"io"
)

// Contestant is one of the things compared. Run does it once, and returns what
// that cost; whatever it needs beforehand (an empty folder, say) it makes
// outside of what it measures.
type Contestant struct {
	Name string
	Run  func(ctx context.Context) (Cost, error)
}

// Contest runs contestants in turn.
type Contest struct {
	Rounds int       // 0 means 1
	Log    io.Writer // gets one line a run; nil for none
}

// Run runs every contestant once a round, in the order given, and returns the
// samples of each by its name. The first error ends it.
func (c Contest) Run(ctx context.Context, contestants ...Contestant) (map[string]Samples, error) {
	samples := map[string]Samples{}
	for round := range max(1, c.Rounds) {
		for _, one := range contestants {
			if err := ctx.Err(); err != nil {
				return nil, context.Cause(ctx)
			}
			cost, err := one.Run(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s, round %d: %w", one.Name, round+1, err)
			}
			samples[one.Name] = append(samples[one.Name], cost)
			c.logf("%s, round %d: %v\n", one.Name, round+1, cost)
		}
	}
	return samples, nil
}

func (c Contest) logf(format string, args ...any) {
	if c.Log != nil {
		fmt.Fprintf(c.Log, format, args...)
	}
}
