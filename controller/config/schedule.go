package config

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aptfleet/aptfleet/controller/schedule"
	"github.com/aptfleet/aptfleet/pkg/tomlfile"
)

// Schedule is a [[schedule]] table.
type Schedule struct {
	schedule.Schedule // its Freeze has the days of the whole fleet too

	source *tomlfile.File
	index  int
}

// Errorf returns an error about a key of the table, which names file and line.
func (s Schedule) Errorf(key tomlfile.Key, format string, args ...any) error {
	return s.source.Errorf(scheduleKey(s.index, key...), format, args...)
}

type scheduleTable struct {
	Name     string            `toml:"name"`
	Cron     string            `toml:"cron"`
	Timezone string            `toml:"timezone"`
	Window   tomlfile.Duration `toml:"window"`
	Jitter   tomlfile.Duration `toml:"jitter"`
	Freeze   []schedule.Dates  `toml:"freeze"`
	Run      []string          `toml:"run"`
}

func scheduleKey(i int, key ...string) tomlfile.Key {
	return tomlfile.Key{"schedule", tomlfile.Index(i)}.With(key...)
}

// resolveSchedules makes schedules of their tables. Whether the commands that
// they run can be meant is for those to say who know commands.
func resolveSchedules(source *tomlfile.File, tables []scheduleTable, freeze []schedule.Dates) ([]Schedule, error) {
	var errs []error
	var all []Schedule
	seen := map[string]bool{}
	for i, t := range tables {
		s := Schedule{source: source, index: i}
		s.Schedule = schedule.Schedule{
			Name: t.Name, Window: time.Duration(t.Window), Jitter: time.Duration(t.Jitter),
			Freeze: slices.Concat(freeze, t.Freeze), Run: t.Run,
		}
		errs = append(errs, s.check(t, seen))
		seen[t.Name] = true
		all = append(all, s)
	}
	return all, errors.Join(errs...)
}

// check reports what cannot be meant in the table, and reads the cron expression.
func (s *Schedule) check(t scheduleTable, seen map[string]bool) error {
	var errs []error
	check := func(err error, key ...string) {
		if err != nil {
			errs = append(errs, s.Errorf(key, "%w", err))
		}
	}
	check(schedule.ValidateName(t.Name), "name")
	if seen[t.Name] {
		check(fmt.Errorf("the schedule %q is there twice", t.Name), "name")
	}
	zone, err := timezone(t.Timezone)
	check(err, "timezone")
	s.Cron, err = schedule.ParseCron(t.Cron, zone)
	check(err, "cron")
	check(schedule.ValidateTimes(s.Window, s.Jitter), "window")
	if len(t.Run) == 0 {
		check(errors.New(`no command is named, such as ["rollout", "shop-web", "--to", "web"]`), "run")
	}
	return errors.Join(errs...)
}

// timezone returns a zone by its name in the IANA database, or the machine's.
func timezone(name string) (*time.Location, error) {
	if name == "" {
		return time.Local, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC, fmt.Errorf("%q is no time zone such as \"Europe/Zurich\"", name)
	}
	return zone, nil
}
