package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// failedIn returns what a selector asks for the hosts that a rollout has left undone, by
// the journal or the daemon that has it. People are told which of them it leaves out.
func (in *installation) failedIn(ctx context.Context, inv *inventory.Inventory) inventory.FailedIn {
	return func(name string) ([]inventory.HostName, error) {
		id, err := rollout.ParseID(name)
		if err != nil {
			return nil, err
		}
		var l statusLine
		err = in.withRecords(ctx, func(r records) (err error) {
			l, err = r.status(ctx, id)
			return err
		})
		switch {
		case isNoRollout(err):
			return nil, fmt.Errorf("there is no rollout %s", id)
		case err != nil:
			return nil, &exitError{exitBegin, err}
		}
		failed, toCome := l.failed()
		if len(toCome) > 0 {
			in.app.say("failed:%s leaves out what is to come or at work, as %s has not ended: %s", id, id, someHosts(toCome))
		}
		gone := slices.DeleteFunc(slices.Clone(failed), func(name inventory.HostName) bool {
			_, there := inv.Host(name)
			return there
		})
		if len(gone) > 0 {
			in.app.say("failed:%s leaves out what the inventory no longer has: %s", id, someHosts(gone))
		}
		return failed, nil
	}
}

// isNoRollout reports whether there is no such rollout, by what the journal says, or a
// daemon.
func isNoRollout(err error) bool {
	p, told := errors.AsType[problem](err)
	return errors.Is(err, journal.ErrNotFound) || told && p.Status == http.StatusNotFound
}

// failed returns the hosts that are not done and that another attempt may help. What has
// not ended is to come as long as the rollout goes on, and never came once that has ended.
func (l statusLine) failed() (failed, toCome []inventory.HostName) {
	for _, h := range l.Hosts {
		pending := h.Verdict == rollout.HostNotStarted.String() || h.Verdict == rollout.HostRunning.String()
		switch {
		case pending && l.Phase != rollout.Finished:
			toCome = append(toCome, h.Host)
		case pending, rollout.Verdict(h.Verdict).Retriable():
			failed = append(failed, h.Host)
		}
	}
	return failed, toCome
}
