package cli

import (
	"context"
	"log/slog"
	"sync"

	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/notify"
)

// notifications tells the targets of the configuration how rollouts go, those of
// another one once it is replaced.
type notifications struct {
	journal *journal.Journal
	log     *slog.Logger

	mu      sync.Mutex
	targets []notify.Target
	stop    func() // has run begin anew; nil while nobody runs
}

// replace goes on with other targets.
func (n *notifications) replace(targets []notify.Target) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.targets = targets
	if n.stop != nil {
		n.stop()
	}
}

// run tells until ctx ends.
func (n *notifications) run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := n.once(ctx); err != nil {
			return err
		}
	}
	return nil
}

// once tells the targets there are now until they are replaced or ctx ends.
func (n *notifications) once(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	n.mu.Lock()
	n.stop = stop
	notifier := &notify.Notifier{Journal: n.journal, Targets: n.targets, Log: n.log}
	n.mu.Unlock()
	err := notifier.Run(ctx)
	if err == nil {
		<-ctx.Done() // with no targets there is nothing to run
	}
	return err
}
