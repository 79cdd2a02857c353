package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// sources are those in which one host is looked at: its own reports, and a second
// one for when they do not count.
type sources struct {
	Reports
	fallback Reports // nil is none
}

func (g *Gate) follow(h inventory.Host, packages []string) sources {
	w := sources{Reports: g.Reporter.Follow(h, packages)}
	if g.Fallback != nil {
		w.fallback = g.Fallback.Follow(h, packages)
	}
	return w
}

func (w sources) Close() error {
	err := w.Reports.Close()
	if w.fallback != nil {
		err = errors.Join(err, w.fallback.Close())
	}
	return err
}

// report returns a report to judge the host by. One that says nothing of how the
// host is now, or not all that is wanted, is none: the fallback looks instead, and
// what that says counts.
func (w sources) report(ctx context.Context, seen *watch) (health.Report, error) {
	r, err := w.Reports.Report(ctx)
	if w.fallback == nil || ctx.Err() != nil {
		return r, err
	}
	if err == nil {
		err = seen.doubt(r, time.Now())
	}
	if err == nil {
		return r, nil
	}
	r, instead := w.fallback.Report(ctx)
	if instead != nil {
		return r, fmt.Errorf("%w; besides, %w", instead, err)
	}
	return r, nil
}
