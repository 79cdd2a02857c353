package schedule

import (
	"strings"
	"testing"
	"time"
)

// zones change their clocks by an hour on either half of the world, by half an hour,
// by two hours, at midnight, before it, around Ramadan, in winter by law, and not at all.
var zones = []string{"Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu", "UTC",
	"Antarctica/Troll", "Africa/Cairo", "America/Nuuk", "Africa/Casablanca", "Europe/Dublin", "Pacific/Chatham"}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func parse(t *testing.T, text, zoneName string) Cron {
	t.Helper()
	c, err := ParseCron(text, zone(t, zoneName))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestNextNightly compares a year of occurrences with what watching a clock on the
// wall, quarter by quarter, gives: each day once, at the first moment at which it
// shows the time or, where that is left out, a later one.
func TestNextNightly(t *testing.T) {
	for _, name := range zones {
		for _, at := range []string{"00:00", "00:30", "01:45", "02:00", "02:15", "02:30", "03:00", "23:45"} {
			z := zone(t, name)
			clock, err := time.Parse("15:04", at)
			if err != nil {
				t.Fatal(err)
			}
			want := watched(z, clock)
			c := parse(t, clock.Format("4 15 * * *"), name)
			got := time.Date(2026, 1, 1, 0, 0, 0, 0, z).Add(-time.Nanosecond)
			for _, w := range want {
				if got = c.Next(got); !got.Equal(w) {
					t.Fatalf("%s %s: Next returned %v, want %v", name, at, got, w.In(z))
				}
			}
		}
	}
}

// watched returns the moments of 2026 at which clocks in a zone first show a time
// of day, or a later one of the same day; or the next day, where there is none.
func watched(z *time.Location, clock time.Time) []time.Time {
	var found []time.Time
	seen := 0
	for at := time.Date(2026, 1, 1, 0, 0, 0, 0, z); at.Year() < 2027; at = at.Add(15 * time.Minute) { // no zone changes in between
		if at.YearDay() > seen+1 { // the end of a day was left out
			seen++
			found = append(found, at)
		}
		if at.YearDay() > seen && at.Hour()*60+at.Minute() >= clock.Hour()*60+clock.Minute() {
			seen = at.YearDay()
			found = append(found, at)
		}
	}
	return found
}

// TestNextAtChange has the moments that zdump -v gives for 2026.
func TestNextAtChange(t *testing.T) {
	for _, tt := range []struct {
		zone, cron, after string
		want              []string // in UTC
	}{
		{"Europe/Zurich", "30 2 * * *", "2026-03-27T12:00:00Z", []string{"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"Europe/Zurich", "30 2 * * *", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"Europe/Zurich", "30 2 * * *", "2026-10-25T00:45:00Z", []string{"2026-10-26T01:30:00Z"}},
		{"Europe/Zurich", "30 2 * * *", "2026-10-25T01:10:00Z", []string{"2026-10-26T01:30:00Z"}},
		{"America/New_York", "30 2 * * *", "2026-03-07T12:00:00Z", []string{"2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"}},
		{"America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		{"Australia/Lord_Howe", "45 1 * * *", "2026-04-03T20:00:00Z", []string{"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
		{"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00:00Z", []string{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
		{"America/Santiago", "0 0 * * *", "2026-09-05T12:00:00Z", []string{"2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"}}, // midnight is left out
		// Times that the change makes one are due once.
		{"Europe/Zurich", "0,15,30 2,3 * * *", "2026-03-29T00:59:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:00:00Z"}},
		// Real time where every hour counts.
		{"Europe/Zurich", "30 * * * *", "2026-03-28T23:45:00Z", []string{"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"}},
		{"Europe/Zurich", "30 * * * *", "2026-10-24T23:45:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
		{"Australia/Lord_Howe", "@hourly", "2026-04-04T14:00:00Z", []string{"2026-04-04T15:30:00Z", "2026-04-04T16:30:00Z"}},
		// The Sunday of a summer's end, and no other.
		{"Europe/Zurich", "0 3 * * sun", "2026-10-24T00:00:00Z", []string{"2026-10-25T02:00:00Z", "2026-11-01T02:00:00Z"}},
	} {
		c := parse(t, tt.cron, tt.zone)
		got, err := time.Parse(time.RFC3339, tt.after)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if got = c.Next(got); got.UTC().Format(time.RFC3339) != want {
				t.Errorf("%v after %s: Next returned %v, want %s", c, tt.after, got.UTC(), want)
				break
			}
		}
	}
}

func TestParseCronRefuses(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", `cannot read "": empty spec string`},
		{"30 2 * *", "expected exactly 5 fields"},
		{"0 30 2 * * *", "expected exactly 5 fields"},
		{"60 2 * * *", "end of range (60) above maximum (59)"},
		{"30 2 * * 7", "end of range (7) above maximum (6)"},
		{"30 2 30 2 *", "there is no such day in any year"},
		{"@every 1h", "it has no time of day"},
		{"@reboot", "unrecognized descriptor"},
		{"TZ=UTC 30 2 * * *", "the time zone is a key of its own"},
		{"TZ=", "the time zone is a key of its own"},
	} {
		if c, err := ParseCron(tt.text, time.UTC); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseCron(%q) returned %v, %v, want %s", tt.text, c, err, tt.want)
		}
	}
}

// FuzzCron: whatever is read has a next time, which lies ahead and agrees with
// the expression.
func FuzzCron(f *testing.F) {
	f.Add("30 2 * * *", "Europe/Zurich", int64(1_774_700_000))
	f.Add("*/7 1-5/2 1,31 jan-mar mon", "Australia/Lord_Howe", int64(1_700_000_000))
	f.Add("@monthly", "America/Santiago", int64(0))
	f.Fuzz(func(t *testing.T, text, zoneName string, after int64) {
		z, err := time.LoadLocation(zoneName)
		if err != nil || after < 0 || after > 1<<32 {
			return
		}
		c, err := ParseCron(text, z)
		if err != nil {
			return
		}
		now := time.Unix(after, 0)
		next := c.Next(now)
		if next.IsZero() && now.Year() > 2090 {
			return // the 29th of February, which 2100 does not have
		}
		if !next.After(now) || !c.Next(now.Add(next.Sub(now)/2)).Equal(next) {
			t.Errorf("%v after %v is due at %v", c, now, next)
		}
	})
}
