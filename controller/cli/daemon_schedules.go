package cli

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/aptfleet/aptfleet/controller/schedule"
	"github.com/aptfleet/aptfleet/controller/server"
)

// daemonSchedules is the daemon as the API's server.Schedules.
type daemonSchedules struct {
	*daemon
	runner *schedule.Runner
}

func (d daemonSchedules) List(ctx context.Context) ([]server.Object, error) {
	all, err := d.runner.Statuses(ctx)
	lines := make([]scheduleLine, len(all))
	for i, s := range all {
		lines[i] = newScheduleLine(s)
	}
	return objects(lines, err)
}

// Run has a schedule run, unless a run of it still goes.
func (d daemonSchedules) Run(ctx context.Context, by, name string) error {
	s, err := d.named(ctx, name)
	if err != nil {
		return err
	}
	if s.Last != nil && s.Last.Outcome == schedule.Going {
		return &server.Problem{Status: http.StatusConflict, Detail: fmt.Sprintf("%s still goes", s.Last)}
	}
	d.spawn(func(life context.Context) {
		if run, err := d.runner.Now(life, name); err != nil {
			d.log.Error("cannot run a schedule", "schedule", name, "by", by, "error", err)
		} else if run.Outcome == schedule.Failed {
			d.log.Warn("a schedule has failed", "schedule", name, "by", by, "rollout", string(run.Rollout), "error", run.Text)
		}
	})
	return nil
}

func (d daemonSchedules) Pause(ctx context.Context, by, name string) error {
	if _, err := d.named(ctx, name); err != nil {
		return err
	}
	return d.runner.Pause(ctx, name, by)
}

func (d daemonSchedules) Continue(ctx context.Context, _, name string) error {
	if _, err := d.named(ctx, name); err != nil {
		return err
	}
	return d.runner.Unpause(ctx, name)
}

// named returns how a schedule stands.
func (d daemonSchedules) named(ctx context.Context, name string) (schedule.Status, error) {
	all, err := d.runner.Statuses(ctx)
	if err != nil {
		return schedule.Status{}, err
	}
	i := slices.IndexFunc(all, func(s schedule.Status) bool { return s.Schedule.Name == name })
	if i < 0 {
		return schedule.Status{}, &server.Problem{Status: http.StatusNotFound, Key: "name", Detail: fmt.Sprintf("there is no schedule %q", name)}
	}
	return all[i], nil
}

// waitFor returns once a rollout that another request runs is left. The end
// of ctx aborts it, unless the daemon ends and leaves it anyway.
func (d *daemon) waitFor(ctx context.Context, req *request, done <-chan struct{}) {
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	if cause := context.Cause(ctx); req != nil && !isHandover(cause) {
		select {
		case req.abort <- cause.Error():
		default: // it is aborted already
		}
	}
	<-done
}
