package notify

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/aptfleet/aptfleet/controller/journal"
)

// Notifier tells targets what the journal says.
type Notifier struct {
	Journal *journal.Journal
	Targets []Target     // valid ones
	Log     *slog.Logger // nil is slog.Default

	delays []time.Duration // nil is those below
}

// delays is how long is waited after each try that failed; after the last, the
// target is given up for this notice. With it they make a day.
var delays = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 8 * time.Hour,
}

// stale is the age after which a notice tells nobody anything new.
const stale = 24 * time.Hour

// Run tells all targets until ctx is cancelled, each at its own pace. The first
// time a target is seen, it begins with what happens from then on. An error is
// that the journal cannot be followed.
func (n *Notifier) Run(ctx context.Context) error {
	var g errgroup.Group // one target must not cancel its neighbours
	for _, t := range n.Targets {
		deliver := func(d journal.Delivery) { n.deliver(ctx, t, d) }
		g.Go(func() error { return n.Journal.Deliveries(ctx, "notify-"+t.Name, deliver) })
		g.Go(func() error { return n.Journal.ActionDeliveries(ctx, "notify-"+t.Name, deliver) })
	}
	return g.Wait()
}

// deliver tells one target of one decision, or has it come again. What fails
// here comes again by itself.
func (n *Notifier) deliver(ctx context.Context, t Target, d journal.Delivery) {
	log := n.log().With("target", t.Name, "rollout", string(d.ID), "event", string(d.Event.Kind))
	err := n.tell(ctx, t, d)
	switch {
	case ctx.Err() != nil:
		return // it is told by who comes next
	case err != nil && d.Tries <= len(n.waits()):
		log.Warn("cannot notify, and will try again", "try", d.Tries, "error", err)
		err = d.Again(n.waits()[d.Tries-1])
	case err != nil:
		log.Error("cannot notify, and gives up", "try", d.Tries, "error", err)
		err = d.Settle(ctx)
	default:
		err = d.Settle(ctx)
	}
	if err != nil {
		log.Warn("cannot note what was told, so it is told again", "error", err)
	}
}

// tell sends a notice of a decision, if one is wanted.
func (n *Notifier) tell(ctx context.Context, t Target, d journal.Delivery) error {
	notice, tell, err := n.notice(ctx, d)
	if err != nil || !tell || !t.wants(notice.On) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	return t.senders()[0].send(ctx, notice)
}

// notice returns what is told of a decision or action, unless nobody is.
func (n *Notifier) notice(ctx context.Context, d journal.Delivery) (notice Notice, tell bool, err error) {
	at := d.Event.At
	if d.Action != nil {
		at = d.Action.At
	}
	if time.Since(at) > stale {
		return notice, false, nil
	}
	if d.Action != nil {
		notice, tell = newRunNotice(d)
		return notice, tell, nil
	}
	entry, err := n.Journal.Find(ctx, d.ID)
	if err != nil {
		return notice, false, err
	}
	if entry.Created.Spec == nil {
		return notice, false, errors.New("the journal does not say what was asked for")
	}
	notice, tell = newNotice(d, *entry.Created.Spec)
	return notice, tell, nil
}

func (n *Notifier) waits() []time.Duration {
	if n.delays == nil {
		return delays
	}
	return n.delays
}

func (n *Notifier) log() *slog.Logger {
	if n.Log == nil {
		return slog.Default()
	}
	return n.Log
}
