package cli

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/fleethealth"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
)

// healthLine is how one host is.
type healthLine struct {
	Host     inventory.HostName `json:"host"`
	State    string             `json:"state"` // healthy, failing, silent
	Reported *time.Time         `json:"reported,omitempty"`
	Trouble  string             `json:"trouble,omitempty"`
	Failures []failureLine      `json:"failures,omitempty"`
	Drift    []driftLine        `json:"drift,omitempty"`
	Rollout  rollout.ID         `json:"rollout,omitempty"` // that had installed something else
	Facts    *factsLine         `json:"facts,omitempty"`
	Unprobed bool               `json:"unprobed,omitempty"` // it has no probes
}

// failureLine is a probe that is not green.
type failureLine struct {
	Probe  string     `json:"probe"`
	Since  *time.Time `json:"since,omitempty"`
	Output string     `json:"output,omitempty"`
}

// driftLine is a package that is not as a rollout left it.
type driftLine struct {
	Package string `json:"package"`
	Want    string `json:"want,omitempty"`
	Have    string `json:"have,omitempty"`
}

// factsLine is what an agent tells besides its probes.
type factsLine struct {
	Agent    string   `json:"agent,omitempty"`
	Reboot   bool     `json:"reboot"`
	Pending  *int     `json:"pending,omitempty"`
	Security *int     `json:"security,omitempty"`
	Lists    *float64 `json:"lists,omitempty"` // seconds
}

func newHealthLine(h fleethealth.Host) healthLine {
	l := healthLine{Host: h.Name, State: "failing", Reported: at(h.Reported), Trouble: h.Trouble, Rollout: h.Drifted, Unprobed: h.Unprobed}
	switch {
	case h.Silent:
		l.State = "silent"
	case h.Healthy():
		l.State = "healthy"
	}
	for _, f := range h.Failures {
		l.Failures = append(l.Failures, failureLine{f.Probe, at(f.Since), f.Output})
	}
	for _, d := range h.Drift {
		l.Drift = append(l.Drift, driftLine(d))
	}
	if h.Facts != nil {
		l.Facts = &factsLine{Agent: h.Facts.Agent, Reboot: h.Facts.RebootRequired}
		if u := h.Facts.Upgrades; u != nil {
			lists := u.Lists.Seconds()
			l.Facts.Pending, l.Facts.Security, l.Facts.Lists = &u.Pending, &u.Security, &lists
		}
	}
	return l
}

// at returns a time for JSON, which has none for one that is not known.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (healthLine) kind() string { return "health" }

// text is for no one: people get the fleet as a whole.
func (healthLine) text(io.Writer) {}

// fleetLine counts the hosts, and for people shows those that need one.
type fleetLine struct {
	Hosts    int `json:"hosts"`
	Healthy  int `json:"healthy"`
	Failing  int `json:"failing"`
	Silent   int `json:"silent"`
	Drifted  int `json:"drifted"`
	Reboot   int `json:"reboot"`
	Security int `json:"security"`
	Pending  int `json:"pending"`

	hosts []fleethealth.Host
	now   time.Time
}

func newFleetLine(hosts []fleethealth.Host, now time.Time) fleetLine {
	s := fleethealth.Summarize(hosts)
	return fleetLine{s.Hosts, s.Healthy, s.Failing, s.Silent, s.Drifted, s.Reboot, s.Security, s.Pending, hosts, now}
}

func (fleetLine) kind() string       { return "fleet" }
func (l fleetLine) text(w io.Writer) { fleethealth.Write(w, l.hosts, l.now) }

func (a *app) healthCommand() *cobra.Command {
	var parallel int
	var ssh bool
	cmd := &cobra.Command{
		Use:   "health [SELECTOR]",
		Short: "Show how the fleet is, and which hosts need a person",
		Long: `Show how the hosts are: how many are healthy, and then those that need a person,
with the same trouble together. That are hosts that fail a probe (which, since
when, what it said last), that say nothing, that no longer have what the last
rollout installed, that must be rebooted, and that lack security upgrades.

A daemon tells what the hosts' agents have reported to it. Without one, or with
--ssh, every host is asked over SSH: its agent, where it is installed, and else by
what the inventory says of its health. Upgrades and reboots only agents know. The
exit status is 3 if a host fails or is silent.

` + selectorHelp,
		Example: `  aptfleet health
  aptfleet health array_of_new_webapps --json`,
		Args:              cobra.MatchAll(cobra.MaximumNArgs(1), notEmpty),
		ValidArgsFunction: a.completeSelector,
		RunE: a.with(func(cmd *cobra.Command, args []string, in *installation) error {
			selector := strings.Join(args, "")
			if c := in.client(cmd.Context()); c != nil && !ssh {
				return c.showHealth(cmd.Context(), selector)
			}
			hosts, err := in.hosts(cmd.Context(), selector)
			if err != nil {
				return err
			}
			known, err := in.askHealth(cmd.Context(), hosts, parallel)
			if err != nil {
				return err
			}
			return a.showHealth(known)
		}),
	}
	cmd.Flags().BoolVar(&ssh, "ssh", false, "ask the hosts now, over SSH, also where a daemon hears their agents")
	cmd.Flags().IntVar(&parallel, "parallel", 256, "hosts at the same time")
	return cmd
}

// sshReportAge is how long ago a host that has been asked may have answered: others are
// still asked after it.
const sshReportAge = time.Hour

// showHealth judges the hosts and prints them.
func (a *app) showHealth(known []fleethealth.Known) error {
	now := time.Now()
	hosts := make([]fleethealth.Host, len(known))
	for i, k := range known {
		hosts[i] = fleethealth.Judge(k, now, sshReportAge)
	}
	return a.printHealth(hosts, now)
}

// printHealth prints the hosts, and returns the command's error.
func (a *app) printHealth(hosts []fleethealth.Host, now time.Time) error {
	for _, h := range hosts {
		if !a.json {
			break
		}
		if err := a.print(newHealthLine(h)); err != nil {
			return err
		}
	}
	l := newFleetLine(hosts, now)
	if err := a.print(l); err != nil {
		return err
	}
	if l.Healthy < l.Hosts {
		return failed(exitFailed)
	}
	return nil
}

// installed is what the last rollout left on a host.
type installed struct {
	versions rollout.Versions
	by       rollout.ID
}

// maxRollouts is how many of the newest rollouts are read for what they left.
const maxRollouts = 20

// lastInstalled returns what the last rollout left on each host. Where it cannot
// be known, because another process has the journal, people are told.
func (in *installation) lastInstalled(ctx context.Context, hosts []inventory.Host) (map[inventory.HostName]installed, error) {
	found := map[inventory.HostName]installed{}
	err := in.withJournal(ctx, func(j openJournal) error {
		entries, err := j.List(ctx)
		if err != nil {
			return err
		}
		for _, e := range entries[:min(len(entries), maxRollouts)] {
			state, err := j.Read(ctx, e.ID)
			if err != nil {
				return err
			}
			addInstalled(found, e.ID, state)
			if len(found) >= len(hosts) {
				return nil
			}
		}
		return nil
	})
	if _, held := errors.AsType[*bus.LockedError](err); held {
		in.app.say("what rollouts have installed is not known: %v", err)
		return found, nil
	}
	return found, err
}

// addInstalled adds what a rollout left on hosts that no newer one was at.
func addInstalled(found map[inventory.HostName]installed, id rollout.ID, state *rollout.State) {
	for _, h := range state.Hosts() {
		_, newer := found[h.Name]
		if !newer && h.After != nil && (h.Verdict == rollout.HostDone || h.Verdict == rollout.HostReturned) {
			found[h.Name] = installed{h.After, id}
		}
	}
}
