package cli

import (
	"context"

	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/server"
)

// daemonHistory is the daemon as the API's server.History.
type daemonHistory struct{ *daemon }

func (d daemonHistory) Record(ctx context.Context, a journal.Action) error {
	return d.journal.Record(ctx, a)
}

func (d daemonHistory) Actions(ctx context.Context) ([]server.Object, error) {
	return objects(journalRecords{d.journal}.actions(ctx))
}
