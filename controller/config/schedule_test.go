package config

import (
	"strings"
	"testing"
	"time"
)

const nightly = `
[[schedule]]
name = "nightly"
cron = "30 2 * * *"
timezone = "Europe/Zurich"
window = "3h"
jitter = "10m"
freeze = ["2026-12-31"]
run = ["rollout", "shop-web", "--to", "web"]
`

func TestParseSchedule(t *testing.T) {
	c, err := Parse("c.toml", []byte("freeze = [\"2026-12-24..2026-12-26\"]"+nightly))
	if err != nil || len(c.Schedules) != 1 {
		t.Fatalf("Parse returned %+v, %v", c, err)
	}
	s := c.Schedules[0]
	if s.Name != "nightly" || s.Window != 3*time.Hour || s.Jitter != 10*time.Minute || strings.Join(s.Run, " ") != "rollout shop-web --to web" {
		t.Errorf("the schedule is %+v", s)
	}
	after := time.Date(2026, 12, 23, 12, 0, 0, 0, time.UTC)
	var due []string
	for range 5 {
		n, _ := s.Next(after)
		due, after = append(due, n.Due.Format(time.RFC3339)), n.Due
	}
	if got := strings.Join(due, " "); got != "2026-12-27T02:30:00+01:00 2026-12-28T02:30:00+01:00 2026-12-29T02:30:00+01:00 2026-12-30T02:30:00+01:00 2027-01-01T02:30:00+01:00" {
		t.Errorf("it is due at %s", got)
	}
	if got := s.Errorf([]string{"run", "[1]"}, "no").Error(); got != "c.toml:9: schedule[0].run[1]: no" {
		t.Errorf("its errors read %s", got)
	}
}

func TestScheduleErrors(t *testing.T) {
	instead := func(line, other string) string { return strings.Replace(nightly, line, other, 1) }
	for _, tt := range []struct{ src, want string }{
		{instead(`name = "nightly"`, ""), `c.toml:2: schedule[0].name: "" must be up to 63`},
		{instead(`"nightly"`, `"the night"`), `c.toml:3: schedule[0].name: "the night" must be up to 63`},
		{nightly + nightly, `c.toml:12: schedule[1].name: the schedule "nightly" is there twice`},
		{instead(`"30 2 * * *"`, `"2:30"`), `c.toml:4: schedule[0].cron: cannot read "2:30": expected exactly 5 fields`},
		{instead(`Europe/Zurich`, `Europe/Zürich`), `c.toml:5: schedule[0].timezone: "Europe/Zürich" is no time zone such as`},
		{instead(`window = "3h"`, ``), `c.toml:2: schedule[0].window: window must say how long`},
		{instead(`window = "3h"`, `window = 3`), `c.toml:6: schedule[0].window: must be a string, is an integer`},
		{instead(`"10m"`, `"4h"`), `c.toml:6: schedule[0].window: jitter must be less than the window of 3h0m0s`},
		{instead(`"2026-12-31"`, `"31.12.2026"`), `c.toml:8: schedule[0].freeze[0]: "31.12.2026" is no day such as`},
		{"freeze = [\n\"2026-13-01\"]", `c.toml:2: freeze[0]: "2026-13-01" is no day such as`},
		{instead(`["rollout", "shop-web", "--to", "web"]`, `[]`), `c.toml:9: schedule[0].run: no command is named`},
		{instead(`run =`, `runs =`), `c.toml:9: schedule[0].runs: unknown key (did you mean "run"?)`},
	} {
		_, err := Parse("c.toml", []byte(tt.src))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s\ngot  %v\nwant %s", tt.src, err, tt.want)
		}
	}
}

// TestStarterSchedule holds the example that is commented out.
func TestStarterSchedule(t *testing.T) {
	asIs, _ := starter(t, Choices{})
	_, example, found := strings.Cut(string(asIs), "#   [[schedule]]\n")
	c, err := Parse(FileName, []byte("[[schedule]]\n"+strings.ReplaceAll(example, "#   ", "")))
	if !found || err != nil || len(c.Schedules) != 1 {
		t.Errorf("the example was read as %+v, %v", c, err)
	}
}
