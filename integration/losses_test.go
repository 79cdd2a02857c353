package integration

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestLosses rolls out to four hosts and, in the middle of apt, takes the link
// from one for 5 s, from one until its connection is given up, and reboots one.
// All must end as the fourth, which nothing happens to.
func TestLosses(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 4, Suites: []string{lab.Trixie, lab.Bookworm}})
	briefly, long, rebooted, fine := f.host(1), f.host(2), f.host(3), f.host(4)
	for _, h := range []lab.Host{briefly, long, rebooted} {
		f.put(h, faultFile, waiting)
	}
	finished := make(chan answer)
	go func() { finished <- f.run("rollout", "shop", "--to", group, "--yes") }()
	for _, h := range []lab.Host{briefly, long, rebooted} {
		until(t, h.Name()+" is in the middle of apt", func() bool { return strings.Contains(f.jobLog(h), "waiting for the story") })
	}
	for _, h := range []lab.Host{briefly, long} {
		f.must(h.Cut())
		f.put(h, goFile, "") // so that the job ends while nobody hears of it
	}
	if f.lab.Kind() == lab.Booted && !f.connected(long) {
		t.Errorf("the cut has closed the connection to %s, which nobody noticed yet", long.Name())
	}
	mend := time.After(5 * time.Second) // waits for nothing: it is the story
	f.must(rebooted.Reboot(t.Context()))
	f.put(rebooted, goFile, "")
	<-mend
	f.must(briefly.Mend())
	if f.lab.Kind() == lab.Booted {
		until(t, "the connection to "+long.Name()+" is given up", func() bool { return !f.connected(long) })
	}
	f.must(long.Mend())

	a := <-finished
	if a.status != 0 {
		t.Errorf("the exit status is %d, want 0: %s", a.status, a.stderr)
	}
	end := a.end(t)
	for _, h := range []lab.Host{briefly, long, rebooted, fine} {
		if got := end.host(t, h.Name()); got.Verdict != "done" || f.version(h, "shop") != "1.0" {
			t.Errorf("%s (%s) ended as %+v with shop %q\n%s", h.Name(), h.Suite(), got, f.version(h, "shop"), f.jobLog(h))
		}
		f.logIsWhole(end.ID, h)
	}
	begunAgain := func(note string) bool { return strings.HasSuffix(note, "begun again") }
	if notes := end.host(t, rebooted.Name()).Notes; !slices.ContainsFunc(notes, begunAgain) {
		t.Errorf("%s was rebooted, and has the notes %q", rebooted.Name(), notes)
	}
}

// connected reports whether this machine has a connection to a host's sshd.
func (f *fleet) connected(h lab.Host) bool {
	f.t.Helper()
	out, err := exec.Command("ss", "-Htn", "state", "established", "dst", h.Address()).Output()
	f.must(err)
	return len(out) > 0
}

// logIsWhole wants the journal to have every byte that the last job has said.
func (f *fleet) logIsWhole(rollout string, h lab.Host) {
	f.t.Helper()
	logs := lines[struct {
		Job, Log string
		Gaps     int
	}](f.t, "log", f.do("logs", rollout, h.Name()).stdout)
	if last := len(logs) - 1; last < 0 || logs[last].Job != f.jobID(h) || logs[last].Log != f.jobLog(h) || logs[last].Gaps != 0 {
		f.t.Errorf("of %s the journal has the log %+v, and the host has\n%s", h.Name(), logs, f.jobLog(h))
	}
}
