package integration

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// stands is the line that tells how a schedule stands.
type stands struct {
	Name   string
	Paused bool
	Last   *struct {
		Manual                 bool
		Outcome, Rollout, Text string
	}
}

// schedule returns how the only schedule of a fleet stands.
func (f *fleet) schedule() stands {
	f.t.Helper()
	found := lines[stands](f.t, "schedule", f.do("schedule", "list").stdout)
	if len(found) != 1 {
		f.t.Fatalf("there are the schedules %+v, want one", found)
	}
	return found[0]
}

// TestScheduleByHand runs a schedule without a daemon: it rolls out what its
// command says, also while it is paused, and tells afterwards what became of it.
func TestScheduleByHand(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Kind: lab.Light, Count: 2})
	f.appendTo("aptfleet.toml", `
[[schedule]]
name = "nightly"
cron = "30 2 * * *"
timezone = "Europe/Zurich"
window = "3h"
run = ["rollout", "shop", "--to", "`+group+`", "--suite", "stable", "--parallel", "1"]
`)
	if s := f.schedule(); s.Last != nil || s.Paused {
		t.Errorf("before its first run, the schedule is %+v", s)
	}
	f.do("schedule", "pause", "nightly")
	if end := f.do("schedule", "run", "nightly").end(t); end.Summary["done"] != 2 {
		t.Errorf("its rollout is %+v", end)
	}
	s := f.schedule()
	if !s.Paused || s.Last == nil || !s.Last.Manual || s.Last.Outcome != "done" || s.Last.Rollout != "R1" || s.Last.Text != "2 done" {
		t.Errorf("after its first run, the schedule is %+v, %+v", s, s.Last)
	}
	if who := f.do("status").stdout; !strings.Contains(who, `"who":"schedule nightly"`) {
		t.Errorf("the rollout is by nobody: %s", who)
	}

	f.must(f.host(2).PowerOff())
	f.publish(shop{version: "2.0"})
	if a := f.run("schedule", "run", "nightly"); a.status != 3 {
		t.Errorf("with a host without power: %s", a)
	}
	if s := f.schedule(); s.Last.Outcome != "failed" || s.Last.Rollout != "R2" || s.Last.Text != "1 done, 1 unreachable" {
		t.Errorf("after its second run, the schedule is %+v", s.Last)
	}
	if v := f.version(f.host(1), "shop"); v != "2.0" {
		t.Errorf("the host with power has shop %q", v)
	}
}

// TestScheduleRefused: a plan that nobody allowed is not carried out at night.
func TestScheduleRefused(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Kind: lab.Light, Count: 1})
	f.rollOut("shop")
	f.exec(f.host(1), "apt-mark", "hold", "shop")
	f.publish(shop{version: "2.0"})
	f.appendTo("aptfleet.toml", "\n[[schedule]]\nname = \"nightly\"\ncron = \"@daily\"\nwindow = \"1h\"\nrun = [\"rollout\", \"shop\", \"--to\", \""+group+"\"]\n")
	if a := f.run("schedule", "run", "nightly"); a.status != 1 || !strings.Contains(a.stderr, "shop is on hold on web1") {
		t.Errorf("with a package on hold: %s", a)
	}
	if s := f.schedule(); s.Last.Outcome != "failed" || s.Last.Rollout != "" || !strings.Contains(s.Last.Text, "on hold") {
		t.Errorf("the schedule is %+v", s.Last)
	}
}
