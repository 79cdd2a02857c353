package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

// takeover looks out for rollouts that a controller has left that died, or lost
// its lease, and has the daemon go on with them. It belongs to one goroutine.
type takeover struct {
	daemon *daemon
	survey journal.Survey

	alone   bool // nobody else is on the bus
	suspect map[rollout.ID]bool
	tried   map[rollout.ID]try
}

// try is when a rollout was last taken up, and how it stood.
type try struct {
	decisions uint64
	at        time.Time
}

const (
	// lookEvery is how often a rollout without a lease is looked for, and how often
	// where only this daemon can have left one.
	lookEvery      = 500 * time.Millisecond
	lookAloneEvery = time.Minute
	// lookIn is how long a look may take: a cluster may have to find another leader.
	lookIn = 30 * time.Second
	// tryEvery is how often a rollout is taken up of which nothing is decided: it
	// waits for a person, or cannot be taken up.
	tryEvery = 5 * time.Minute
)

func newTakeover(d *daemon) *takeover {
	return &takeover{
		daemon: d, survey: journal.Survey{Journal: d.journal.Journal}, alone: d.journal.bus.Embedded(),
		suspect: map[rollout.ID]bool{}, tried: map[rollout.ID]try{},
	}
}

// run looks until ctx ends.
func (t *takeover) run(ctx context.Context) error {
	every := lookEvery
	if t.alone {
		every = lookAloneEvery
	}
	for {
		if err := t.look(ctx); err != nil && ctx.Err() == nil {
			t.daemon.log.Warn("cannot look for what dead controllers have left", "error", err)
		}
		if pause.For(ctx, every) != nil {
			return nil
		}
	}
}

// look takes up what nobody has. A rollout that was just created has no lease yet:
// one is missed if it is not there at two looks.
func (t *takeover) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookIn)
	defer cancel()
	open, err := t.survey.Look(ctx)
	if err != nil {
		return err
	}
	suspect := map[rollout.ID]bool{}
	for _, u := range open {
		left, err := t.left(ctx, u)
		if err != nil {
			return err
		}
		switch {
		case !left:
		case t.alone || t.suspect[u.ID]:
			t.take(u)
		default:
			suspect[u.ID] = true
		}
	}
	t.suspect = suspect
	return nil
}

// left reports whether nobody has a rollout in hand, and it is worth being taken up.
func (t *takeover) left(ctx context.Context, u journal.Unfinished) (bool, error) {
	if _, here := t.daemon.inHand(u.ID); here != nil {
		return false, nil
	}
	if last, tried := t.tried[u.ID]; tried && last.decisions == u.Decisions && time.Since(last.at) < tryEvery {
		return false, nil
	}
	by, err := t.daemon.leases.Holder(ctx, string(u.ID))
	if err != nil {
		return false, fmt.Errorf("%s: %w", u.ID, err)
	}
	return by == "", nil
}

// take has the daemon go on with a rollout.
func (t *takeover) take(u journal.Unfinished) {
	t.tried[u.ID] = try{u.Decisions, time.Now()}
	if !t.daemon.mark(u.ID) {
		return
	}
	t.daemon.log.Info("going on with what another controller has left", "rollout", string(u.ID))
	t.daemon.spawn(func(ctx context.Context) { t.daemon.resume(ctx, u.ID) })
}
