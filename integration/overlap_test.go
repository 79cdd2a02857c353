package integration

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestSchedulesOverlap has a daemon run a schedule on hosts on which another one is in the
// middle of apt: the second rollout leaves them alone and says which one has them, and
// the first one ends as if there were no other. To enroll the hosts meanwhile is no
// matter: that takes no apt.
func TestSchedulesOverlap(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Kind: lab.Light, Count: 2})
	f.rollOut("shop")
	f.publish(shop{version: "1.1"})
	f.appendTo("aptfleet.toml", scheduleOf("first", "shop=1.1")+scheduleOf("second", "shop=1.0"))
	for _, h := range f.lab.Hosts() {
		f.put(h, faultFile, waiting)
	}
	f.daemon()
	one := f.start("schedule", "run", "first")
	for _, h := range f.lab.Hosts() {
		until(t, h.Name()+" is in the middle of apt", func() bool { return strings.Contains(f.jobLog(h), "waiting for the story") })
	}
	f.enrolls("unchanged", "unchanged")
	two := f.run("schedule", "run", "second")
	if end := two.end(t); two.status != 3 || end.Summary["failed"] != 2 || strings.Count(two.stdout, `"verdict":"failed","cause":"cannot start a job: R2-`) < 2 {
		t.Errorf("both had the hosts, or nobody says who: %s", two)
	}
	for _, h := range f.lab.Hosts() {
		f.put(h, goFile, "")
	}
	<-one.ended
	if one.ProcessState.ExitCode() != 0 {
		t.Errorf("the first ended with %v: %s", one.ProcessState, one.errs.String())
	}
	f.has("1.1", "1.1")
}

func scheduleOf(name, what string) string {
	return "\n[[schedule]]\nname = \"" + name + "\"\ncron = \"@yearly\"\nwindow = \"1h\"\nrun = [\"rollout\", \"" + what + "\", \"--to\", \"" + group + "\"]\n"
}
