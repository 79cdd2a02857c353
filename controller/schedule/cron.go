package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // for machines without the package of that name

	"github.com/robfig/cron/v3"
)

// Cron is a cron expression (crontab(5): minute, hour, day of month, month, day
// of week) in a time zone. It may be used concurrently.
//
// It means what clocks on the wall show, and that also where they are changed:
// a time that is left out is due when the clocks go on, and one that comes twice
// is due the first time. Only an expression that holds in every hour counts real
// time, so that it does not pause in the hour that comes twice.
type Cron struct {
	text string
	spec cron.SpecSchedule // of wall times, which it takes for UTC: no hour is missing there or comes twice
	zone *time.Location
}

// fields are those of crontab(5), and @daily and the like.
var fields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// ParseCron reads an expression. One that is never due, such as that of the 30th
// of February, is an error.
func ParseCron(text string, zone *time.Location) (Cron, error) {
	if strings.Contains(text, "=") { // TZ=…, which the library takes and panics at where nothing follows
		return Cron{}, fmt.Errorf("cannot read %q: the time zone is a key of its own", text)
	}
	parsed, err := fields.Parse(text)
	if err != nil {
		return Cron{}, fmt.Errorf("cannot read %q: %w", text, err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return Cron{}, fmt.Errorf("cannot read %q: it has no time of day", text)
	}
	c := Cron{text: strings.TrimSpace(text), spec: *spec, zone: zone}
	c.spec.Location = time.UTC
	if c.spec.Next(time.Unix(0, 0)).IsZero() {
		return Cron{}, errors.New("there is no such day in any year")
	}
	return c, nil
}

// String returns the expression and its time zone.
func (c Cron) String() string { return c.text + " " + c.zone.String() }

// Next returns the first time after the given one at which it is due, in its
// time zone; zero if that is more than five years away.
func (c Cron) Next(after time.Time) time.Time {
	if c.everyHour() {
		spec := c.spec
		spec.Location = c.zone
		return spec.Next(after).In(c.zone)
	}
	for wall := c.spec.Next(wallOf(after.In(c.zone))); !wall.IsZero(); wall = c.spec.Next(wall) {
		// Several wall times can be one moment, or come a second time.
		if at := firstAt(wall, c.zone); at.After(after) {
			return at
		}
	}
	return time.Time{}
}

// everyHour reports whether the expression holds in every hour of a day.
func (c Cron) everyHour() bool {
	const hours = 1<<24 - 1
	return c.spec.Hour&hours == hours
}

// wallOf returns what a clock on the wall shows at t, as a time of UTC.
func wallOf(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.Add(time.Duration(offset) * time.Second).UTC()
}

// firstAt returns the first moment at which clocks in a zone show at least the
// time wall.
func firstAt(wall time.Time, zone *time.Location) time.Time {
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	start, end := at.ZoneBounds()
	switch shown := wallOf(at); { // where they never show it, Date takes the offset of one side
	case shown.After(wall):
		return start
	case shown.Before(wall):
		return end
	}
	if start.IsZero() {
		return at
	}
	_, before := start.Add(-time.Nanosecond).Zone()
	if earlier := wall.Add(-time.Duration(before) * time.Second).In(zone); earlier.Before(start) {
		return earlier
	}
	return at
}
