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
	daemon  *daemon
	scanner journal.UnfinishedScanner

	alone   bool                // nobody else is on the bus
	held    map[rollout.ID]bool // had a lease when it was last looked at
	suspect map[rollout.ID]bool // had none
	tried   map[rollout.ID]try
}

// try is when a rollout was last resumed, and how it stood.
type try struct {
	decisions uint64
	at        time.Time
}

const (
	// scanEvery is how often a rollout without a lease is looked for, and how often
	// where only this daemon can have left one.
	scanEvery      = 500 * time.Millisecond
	scanAloneEvery = time.Minute
	// scanTimeout is how long a look may take: a cluster may have to find another leader.
	scanTimeout = 30 * time.Second
	// retryEvery is how often a rollout is resumed of which nothing is decided: it waits
	// for a person, or cannot be resumed.
	retryEvery = 5 * time.Minute
)

func newTakeover(d *daemon) *takeover {
	return &takeover{
		daemon: d, scanner: journal.UnfinishedScanner{Journal: d.journal.Journal}, alone: d.journal.bus.Embedded(),
		held: map[rollout.ID]bool{}, suspect: map[rollout.ID]bool{}, tried: map[rollout.ID]try{},
	}
}

// run looks until ctx ends.
func (t *takeover) run(ctx context.Context) error {
	every := scanEvery
	if t.alone {
		every = scanAloneEvery
	}
	for {
		lost, err := t.scan(ctx)
		if err != nil && ctx.Err() == nil {
			t.daemon.log.Warn("cannot look for what dead controllers have left", "error", err)
		}
		if lost {
			continue
		}
		if pause.For(ctx, every) != nil {
			return nil
		}
	}
}

// scan resumes what nobody has. A rollout that was just created has no lease yet,
// and one that has just ended has none any more: one is missed if it is not there at
// two looks. If it was there before, lost is true, and the second look is due now.
func (t *takeover) scan(ctx context.Context) (lost bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, scanTimeout)
	defer cancel()
	open, err := t.scanner.Scan(ctx)
	if err != nil {
		return false, err
	}
	held, suspect := map[rollout.ID]bool{}, map[rollout.ID]bool{}
	for _, u := range open {
		s, err := t.ownershipOf(ctx, u)
		if err != nil {
			return false, err
		}
		switch {
		case s == ownedElsewhere:
			held[u.ID] = true
		case s == notToResume:
		case t.alone || t.suspect[u.ID]:
			t.resume(u)
		default:
			suspect[u.ID] = true
			lost = lost || t.held[u.ID]
		}
	}
	t.held, t.suspect = held, suspect
	return lost, nil
}

// ownership is whose a rollout is that is not finished.
type ownership int

const (
	orphaned       ownership = iota // nobody's, and is to be resumed
	ownedElsewhere                  // another controller's
	notToResume                     // ours, or a person's
)

// ownershipOf finds out whose a rollout is. Once another controller has it, it may be
// resumed anew when that one dies, whatever was tried before.
func (t *takeover) ownershipOf(ctx context.Context, u journal.Unfinished) (ownership, error) {
	if _, here := t.daemon.running(u.ID); here != nil {
		return notToResume, nil
	}
	by, err := t.daemon.leases.Holder(ctx, string(u.ID))
	if err != nil {
		return notToResume, fmt.Errorf("%s: %w", u.ID, err)
	}
	if by != "" {
		delete(t.tried, u.ID)
		return ownedElsewhere, nil
	}
	if last, tried := t.tried[u.ID]; tried && last.decisions == u.Decisions && time.Since(last.at) < retryEvery {
		return notToResume, nil
	}
	return orphaned, nil
}

// resume has the daemon go on with a rollout.
func (t *takeover) resume(u journal.Unfinished) {
	t.tried[u.ID] = try{u.Decisions, time.Now()}
	if !t.daemon.reserve(u.ID) {
		return
	}
	t.daemon.log.Info("going on with what another controller has left", "rollout", string(u.ID))
	t.daemon.spawn(func(ctx context.Context) { t.daemon.resume(ctx, u.ID) })
}
