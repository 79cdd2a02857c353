package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/schedule"
)

// scheduleLine is how one schedule stands.
type scheduleLine struct {
	Name     string     `json:"name"`
	Cron     string     `json:"cron"` // with the time zone
	Run      []string   `json:"run"`
	Next     *time.Time `json:"next,omitempty"` // when it starts next, the jitter included
	End      *time.Time `json:"end,omitempty"`  // of that one's window
	Paused   bool       `json:"paused"`
	PausedBy string     `json:"paused_by,omitempty"`
	Frozen   string     `json:"frozen,omitempty"` // the days that today is one of
	Last     *runLine   `json:"last,omitempty"`
}

// runLine is a run of a schedule.
type runLine struct {
	Due     time.Time  `json:"due"`
	Manual  bool       `json:"manual,omitempty"`
	Outcome string     `json:"outcome"` // going, done, failed, skipped, missed
	Rollout rollout.ID `json:"rollout,omitempty"`
	Ended   *time.Time `json:"ended,omitempty"`
	Text    string     `json:"text,omitempty"`
}

func newScheduleLine(s schedule.Status) scheduleLine {
	l := scheduleLine{
		Name: s.Schedule.Name, Cron: s.Schedule.Cron.String(), Run: s.Schedule.Run,
		Paused: s.Settings.Paused, PausedBy: s.Settings.PausedBy, Frozen: s.Frozen,
	}
	if s.Next != nil {
		l.Next, l.End = &s.Next.Start, &s.Next.End
	}
	if r := s.Last; r != nil {
		l.Last = &runLine{r.Due, r.Manual, r.Outcome.String(), r.Rollout, at(r.Ended), r.Text}
	}
	return l
}

func scheduleLines(all []schedule.Status) []scheduleLine {
	lines := make([]scheduleLine, len(all))
	for i, s := range all {
		lines[i] = newScheduleLine(s)
	}
	return lines
}

func (scheduleLine) kind() string { return "schedule" }

// scheduleTimeFormat is how times of schedules are written for people: by the clock of the
// schedule's time zone.
const scheduleTimeFormat = "Mon 2006-01-02 15:04 MST"

func (l scheduleLine) text(w io.Writer) {
	fmt.Fprintf(w, "%s  (%s)  %s\n", l.Name, l.Cron, strings.Join(l.Run, " "))
	switch {
	case l.Paused:
		fmt.Fprintf(w, "  PAUSED by %s\n", l.PausedBy)
	case l.Next == nil:
		fmt.Fprintln(w, "  never runs again")
	default:
		fmt.Fprintf(w, "  next  %s, until %s\n", l.Next.Format(scheduleTimeFormat), l.End.Format("15:04"))
	}
	if l.Frozen != "" {
		fmt.Fprintf(w, "  today is frozen: %s\n", l.Frozen)
	}
	if l.Last == nil {
		fmt.Fprintln(w, "  last  never")
		return
	}
	words := []string{l.Last.Due.Format(scheduleTimeFormat), l.Last.Outcome, string(l.Last.Rollout), printable(l.Last.Text)}
	fmt.Fprintf(w, "  last  %s\n", strings.Join(strings.Fields(strings.Join(words, " ")), " "))
}

func (a *app) scheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "See, run and pause what the daemon runs by itself",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.scheduleListCommand(), a.scheduleRunCommand(),
		a.schedulePauseCommand("pause", "Keep a schedule from running by itself; what runs goes on", scheduleControl.pause),
		a.schedulePauseCommand("resume", "Let a paused schedule run by itself again", scheduleControl.unpause))
	return cmd
}

func (a *app) scheduleListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the schedules: when each runs next, and what became of its last run",
		Args:  cobra.NoArgs,
		RunE: a.withSchedules(func(ctx context.Context, s scheduleControl, _ []string) error {
			all, err := s.schedules(ctx)
			if err != nil {
				return err
			}
			for _, l := range all {
				if err := a.print(l); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}

func (a *app) scheduleRunCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run NAME",
		Short: "Run a schedule now, as the daemon would when it is due",
		Long: `Run a schedule now, as the daemon would when it is due, whether it is paused or frozen.
Nobody is asked: the plan is approved unless it removes a package or changes one
that is on hold. No host is begun any more once the window, which begins now, has
ended. It is refused while a run of the schedule still goes.`,
		Args: cobra.ExactArgs(1),
		RunE: a.withSchedules(func(ctx context.Context, s scheduleControl, args []string) error {
			return s.runNow(ctx, args[0])
		}),
		ValidArgsFunction: a.completeSchedule,
	}
}

// schedulePauseCommand returns a command that changes whether a schedule is paused.
func (a *app) schedulePauseCommand(verb, short string, change func(scheduleControl, context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use:   verb + " NAME",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: a.withSchedules(func(ctx context.Context, s scheduleControl, args []string) error {
			return change(s, ctx, args[0])
		}),
		ValidArgsFunction: a.completeSchedule,
	}
}

// completeSchedule offers the names of schedules.
func (a *app) completeSchedule(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	in, err := a.installation()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, s := range in.Schedules {
		names = append(names, s.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
