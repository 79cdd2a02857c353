package cli

import (
	"context"
	"time"

	"github.com/aptfleet/aptfleet/pkg/pause"
)

// summariseEvery is how often a daemon looks for rollouts to summarise.
const summariseEvery = 24 * time.Hour

// summaries summarises old rollouts, as long as no other controller does.
func (s *service) summaries(ctx context.Context) error {
	s.daemon.leases.Lead(ctx, "summaries", s.in.app.log, func(ctx context.Context) {
		for ctx.Err() == nil {
			s.daemon.installation("").summarise(ctx, s.daemon.journal)
			_ = pause.For(ctx, summariseEvery) // if ctx has ended, so does the loop
		}
	})
	return nil
}

// summarise summarises the rollouts of which the events are kept no longer. What hinders
// that is no reason for anything else to fail: it is done the next time.
func (in *installation) summarise(ctx context.Context, j openJournal) {
	if in.Rollout.KeepEvents == 0 || ctx.Err() != nil {
		return
	}
	n, err := j.Summarise(ctx, time.Now().Add(-in.Rollout.KeepEvents))
	if n > 0 {
		in.app.log.Info("rollouts were summarised", "rollouts", n)
	}
	if err != nil && ctx.Err() == nil {
		in.app.log.Warn("cannot summarise all old rollouts", "error", err)
	}
}
