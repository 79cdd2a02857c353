package cli

import (
	"context"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
)

// metricParts are the parts of the metrics. Only the agents' needs no bus.
func (s *service) metricParts() map[string]server.Measure {
	d := s.daemon
	parts := map[string]server.Measure{"rollouts": d.measureRollouts, "journal": d.measureJournal, "schedules": s.measureSchedules}
	if d.reports != nil {
		parts["hosts"], parts["agents"] = d.measureHosts, d.measureAgents
	}
	return parts
}

func (d *daemon) measureRollouts(ctx context.Context) (func(*server.Measures), error) {
	entries, err := d.journal.List(ctx)
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, e := range entries {
		sum, finished := e.Finished()
		_, left := d.running(e.ID)
		counts[stateOf(sum, finished, left != nil)]++
	}
	return func(m *server.Measures) { m.Rollouts = counts }, nil
}

func (d *daemon) measureJournal(ctx context.Context) (func(*server.Measures), error) {
	appended, err := d.journal.Appended(ctx)
	return func(m *server.Measures) { m.Appended = &appended }, err
}

func (s *service) measureSchedules(ctx context.Context) (func(*server.Measures), error) {
	all, err := s.runner.Statuses(ctx)
	var times []server.ScheduleTimes
	for _, status := range all {
		t := server.ScheduleTimes{Name: status.Schedule.Name}
		if status.Begun != nil {
			t.Last = status.Begun.Began
		}
		if status.Next != nil && !status.Settings.Paused {
			t.Next = status.Next.Start
		}
		times = append(times, t)
	}
	return func(m *server.Measures) { m.Schedules = times }, err
}

// measureHosts counts hosts by what their agents say, where anybody hears them.
func (d *daemon) measureHosts(ctx context.Context) (func(*server.Measures), error) {
	in := d.installation("")
	hosts, err := in.allHosts()
	if err != nil {
		return nil, err
	}
	judged, err := d.judge(ctx, in, hosts)
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, h := range judged {
		counts[newHealthLine(h).State]++
	}
	return func(m *server.Measures) { m.Hosts = counts }, nil
}

func (d *daemon) measureAgents(context.Context) (func(*server.Measures), error) {
	agents, oldest := 0, (*time.Duration)(nil)
	for _, last := range d.reports.Snapshot() {
		if last.Report == nil {
			continue
		}
		age := time.Since(last.Report.Received)
		if age <= silence {
			agents++
		}
		if oldest == nil || age > *oldest {
			oldest = &age
		}
	}
	return func(m *server.Measures) { m.Agents, m.OldestAge = &agents, oldest }, nil
}

// stateOf is what the metrics call how a rollout stands.
func stateOf(sum rollout.Summary, finished, inHand bool) string {
	switch {
	case inHand:
		return "running"
	case !finished:
		return "waiting"
	}
	switch sum.ExitStatus() {
	case rollout.ExitDone:
		return "done"
	case rollout.ExitReturned:
		return "returned"
	case rollout.ExitStuck:
		return "stuck"
	}
	return "failed"
}
