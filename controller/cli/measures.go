package cli

import (
	"context"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
)

// measure counts for the metrics what there is.
func (s *service) measure(ctx context.Context) (server.Measures, error) {
	d, m := s.daemon, server.Measures{Rollouts: map[string]int{}}
	entries, err := d.journal.List(ctx)
	if err != nil {
		return m, err
	}
	for _, e := range entries {
		sum, finished := e.Finished()
		_, left := d.inHand(e.ID)
		m.Rollouts[stateOf(sum, finished, left != nil)]++
	}
	if m.Appended, err = d.journal.Appended(ctx); err != nil {
		return m, err
	}
	if m.Schedules, err = s.scheduleTimes(ctx); err != nil {
		return m, err
	}
	return m, d.measureHosts(ctx, &m)
}

func (s *service) scheduleTimes(ctx context.Context) ([]server.ScheduleTimes, error) {
	all, err := s.runner.Statuses(ctx)
	var times []server.ScheduleTimes
	for _, status := range all {
		t := server.ScheduleTimes{Name: status.Schedule.Name}
		if status.Last != nil {
			t.Last = status.Last.Began
		}
		if status.Next != nil && !status.Settings.Paused {
			t.Next = status.Next.Start
		}
		times = append(times, t)
	}
	return times, err
}

// measureHosts counts hosts by what their agents say, where anybody hears them.
func (d *daemon) measureHosts(ctx context.Context, m *server.Measures) error {
	if d.reports == nil {
		return nil
	}
	in := d.installation("")
	hosts, err := in.hosts("")
	if err != nil {
		return err
	}
	judged, err := d.judge(ctx, in, hosts)
	if err != nil {
		return err
	}
	m.Hosts = map[string]int{}
	for _, h := range judged {
		m.Hosts[newHealthLine(h).State]++
	}
	for _, last := range d.reports.Snapshot() {
		if last.Report == nil {
			continue
		}
		age := time.Since(last.Report.Received)
		if age <= silence {
			m.Agents++
		}
		if m.OldestAge == nil || age > *m.OldestAge {
			m.OldestAge = &age
		}
	}
	return nil
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
