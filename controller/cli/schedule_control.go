package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/schedule"
	"github.com/aptfleet/aptfleet/controller/schedule/store"
)

// scheduleControl is what the commands do with schedules: in the daemon, if there is
// one, or in this process.
type scheduleControl interface {
	schedules(ctx context.Context) ([]scheduleLine, error)
	runNow(ctx context.Context, name string) error
	pause(ctx context.Context, name string) error
	unpause(ctx context.Context, name string) error
}

// withSchedules makes a command of what needs the schedules. Without a daemon,
// their commands are checked before; a daemon has done that.
func (a *app) withSchedules(fn func(context.Context, scheduleControl, []string) error) func(*cobra.Command, []string) error {
	return a.with(func(cmd *cobra.Command, args []string, in *installation) error {
		ctx := cmd.Context()
		if c := in.client(ctx); c != nil {
			return fn(ctx, c, args)
		}
		if err := in.checkSchedules(); err != nil {
			return err
		}
		return in.withJournal(ctx, func(j openJournal) error {
			b, err := store.Open(ctx, j.bus)
			if err != nil {
				return err
			}
			work := scheduledRollouts{journal: j, installation: func(string) *installation { return in }}
			return fn(ctx, localSchedules{schedule.NewRunner(b, work, author(), in.schedules())}, args)
		})
	})
}

// localSchedules are those of the configuration, run in this process.
type localSchedules struct{ *schedule.Runner }

func (s localSchedules) schedules(ctx context.Context) ([]scheduleLine, error) {
	all, err := s.Statuses(ctx)
	return scheduleLines(all), err
}

func (s localSchedules) pause(ctx context.Context, name string) error {
	return s.Pause(ctx, name, author())
}

func (s localSchedules) unpause(ctx context.Context, name string) error { return s.Unpause(ctx, name) }

func (s localSchedules) runNow(ctx context.Context, name string) error {
	run, err := s.Now(ctx, name)
	switch {
	case err != nil:
		return err
	case run.Outcome == schedule.Going:
		return fmt.Errorf("%s was taken over by another controller", run)
	case run.Outcome == schedule.Failed && run.Status == exitDone:
		return fmt.Errorf("cannot run schedule %s: %s", run.Schedule, run.Text)
	}
	return failed(run.Status)
}

func (c *client) schedules(ctx context.Context) ([]scheduleLine, error) {
	return items[scheduleLine](ctx, c, "/v1/schedules")
}

func (c *client) pause(ctx context.Context, name string) error {
	return c.post(ctx, schedulePath(name)+"/pause", struct{}{}, nil)
}

func (c *client) unpause(ctx context.Context, name string) error {
	return c.post(ctx, schedulePath(name)+"/continue", struct{}{}, nil)
}

func schedulePath(name string) string { return "/v1/schedules/" + url.PathEscape(name) }

// runNow has the daemon run a schedule, and shows the rollout that comes of it.
func (c *client) runNow(ctx context.Context, name string) error {
	asked := time.Now().Truncate(time.Second)
	if err := c.post(ctx, schedulePath(name)+"/run", struct{}{}, nil); err != nil {
		return err
	}
	again := time.NewTicker(300 * time.Millisecond)
	defer again.Stop()
	for {
		last, err := c.lastRun(ctx, name)
		switch {
		case err != nil:
			return err
		case last == nil || last.Due.Before(asked): // it is the daemon's word that it has begun
		case last.Rollout != "":
			return c.showRunOf(ctx, last)
		case last.Outcome != schedule.Going.String():
			return fmt.Errorf("cannot run schedule %s: %s", name, last.Text)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("interrupted: the run of %s goes on in the daemon", name)
		}
	}
}

// lastRun returns the newest run of a schedule.
func (c *client) lastRun(ctx context.Context, name string) (*runLine, error) {
	all, err := c.schedules(ctx)
	i := slices.IndexFunc(all, func(l scheduleLine) bool { return l.Name == name })
	if err != nil || i < 0 {
		return nil, err
	}
	return all[i].Last, nil
}

// showRunOf shows the rollout of a run from its beginning.
func (c *client) showRunOf(ctx context.Context, run *runLine) error {
	l, err := c.status(ctx, run.Rollout)
	if err != nil {
		return err
	}
	return c.showRollout(ctx, run.Rollout, 0, len(l.Hosts))
}

// schedules returns the schedules of the configuration, for a Runner.
func (in *installation) schedules() []schedule.Schedule {
	var all []schedule.Schedule
	for _, s := range in.Schedules {
		all = append(all, s.Schedule)
	}
	return all
}
