package integration

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/schedule/store"
	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestDaemonEnrolls: enroll goes through a running daemon, shows each host as ever,
// and the history has who did it.
func TestDaemonEnrolls(t *testing.T) {
	t.Parallel()
	f := newFleet(t, lab.Options{Kind: lab.Light, Count: 2})
	f.daemon()
	f.enrolls("written", "written")
	f.enrolls("unchanged", "unchanged")
	if text := f.read(f.host(1), sourceFile); !strings.Contains(text, f.url) {
		t.Errorf("the source is %q", text)
	}
	f.must(f.host(2).PowerOff())
	a := f.run("enroll", group, "--yes")
	did := lines[struct{ Host, Result, Error string }](t, "enrolled", a.stdout)
	if a.status != 3 || len(did) != 2 || !strings.Contains(a.stderr, "1 of 2 hosts failed:\n  cannot write the apt source: web2: ") {
		t.Errorf("with a host without power: %s", a)
	}
	if a := f.run("enroll", group, "--yes", "--agent"); a.status != 1 || !strings.Contains(a.stderr, "bus.listen does not say where they report to") {
		t.Errorf("agents without a door: %s", a)
	}
	if history := f.do("history").stdout; strings.Count(history, `"did":"enroll","what":"web"`) != 4 {
		t.Errorf("the history is %s", history)
	}
}

// TestDaemonContinues: what is decided of a rollout is decided through the daemon,
// and its history has it.
func TestDaemonContinues(t *testing.T) {
	f := failing(t, 3)
	f.daemon()
	if a := f.run("rollout", "shop=1.1", "--to", group, "--yes", "--batches", "1", "--pause", "manual", "--max-failures", "100%"); a.status != 4 {
		t.Errorf("want a pause: %s", a)
	}
	f.has("1.1", "1.0", "1.0")
	if a := f.run("continue", "R2"); a.status != 4 {
		t.Errorf("want another pause: %s", a)
	}
	f.ends(3, []string{"done", "done", "failed"}, "continue", "R2")
	f.put(f.host(3), faultFile, "")
	f.ends(0, []string{"done", "done", "done"}, "retry", "R2")
	f.ends(5, []string{"returned", "returned", "returned"}, "rollback", "R2", "--yes")
	f.has("1.0", "1.0", "1.0")
	if a := f.run("continue", "R2"); a.status != 1 || !strings.Contains(a.stderr, "R2 does not wait") {
		t.Errorf("there is nothing to continue: %s", a)
	}
}

// TestDaemonKeepsRollout: Ctrl-C in a command leaves its rollout to the daemon and
// says how to end it, which another command does: hosts that run apt finish.
func TestDaemonKeepsRollout(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Kind: lab.Light, Count: 2})
	for _, h := range f.lab.Hosts() {
		f.put(h, faultFile, waiting)
	}
	d := f.daemon()
	p := f.start("rollout", "shop", "--to", group, "--yes", "--parallel", "1")
	until(t, "web1 is in the middle of apt", func() bool { return strings.Contains(f.jobLog(f.host(1)), "waiting for the story") })
	p.interrupt(f)
	p.says(f, `interrupted: R1 goes on in the daemon; "aptfleet watch R1" shows it, "aptfleet abort R1" ends it`)
	<-p.ended
	if p.ProcessState.ExitCode() != 1 {
		t.Errorf("interrupted, it ended with %v", p.ProcessState)
	}
	if end := f.do("status", "R1").end(t); end.Phase != "open" || end.Summary["running"] != 1 {
		t.Errorf("with its command gone, the rollout is %+v", end)
	}
	other := f.start("abort", "R1")
	other.says(f, "aborted")
	f.goOn()
	<-other.ended
	if other.ProcessState.ExitCode() != 3 {
		t.Errorf("abort ended with %v:\n%s", other.ProcessState, other.out.String()+other.errs.String())
	}
	f.has("1.0", "")
	if a := f.run("serve"); a.status != 1 || !strings.Contains(a.stderr, fmt.Sprintf("process %d has it", d.Process.Pid)) {
		t.Errorf("a second daemon: %s", a)
	}
}

// TestDaemonSchedules: a schedule runs by itself, its rollout is by the schedule, and
// while it goes the next time is skipped, which is told to who asked for it.
func TestDaemonSchedules(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Kind: lab.Light, Count: 1})
	f.put(f.host(1), faultFile, waiting)
	told := f.path("told")
	f.appendTo("aptfleet.toml", `
[[schedule]]
name = "minutely"
cron = "* * * * *"
window = "10m"
run = ["rollout", "shop", "--to", "`+group+`"]

[[notify]]
name = "ops"
on = ["skipped"]
command = ["sh", "-c", "cat >> `+told+`; echo >> `+told+`"]
`)
	f.daemon()
	until(t, "the schedule has begun", func() bool { return strings.Contains(f.jobLog(f.host(1)), "waiting for the story") })
	until(t, "the next time is skipped", func() bool {
		s := f.schedule()
		return s.Last != nil && s.Last.Outcome == "skipped" && strings.Contains(s.Last.Text, "still goes: R1")
	})
	until(t, "that is told", func() bool {
		text, err := os.ReadFile(told)
		return err == nil && strings.Contains(string(text), `"on":"skipped"`) && strings.Contains(string(text), `"schedule":"minutely"`)
	})
	f.do("schedule", "pause", "minutely")
	f.goOn()
	until(t, "its rollout ends", func() bool { return f.do("status", "R1").end(t).Phase == "finished" })
	if history := f.do("history").stdout; strings.Count(history, `"who":"schedule minutely"`) != 1 {
		t.Errorf("the history is %s", history)
	}
	f.has("1.0")
}

// TestDaemonMissedNights: a daemon that comes back after 300 nights tells of them, and of
// a night that could not begin, in the list, in the history, and to who asked for it: once.
func TestDaemonMissedNights(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Kind: lab.Light, Count: 1})
	told := f.path("told")
	f.appendTo("aptfleet.toml", `
[[schedule]]
name = "often"
cron = "30 2 * * *"
timezone = "UTC"
window = "1m"
run = ["rollout", "shop", "--to", "`+group+`"]

[[notify]]
name = "ops"
on = ["skipped", "failure"]
command = ["sh", "-c", "cat >> `+told+`; echo >> `+told+`"]
`)
	f.rollOut("shop")
	f.publish(shop{version: "2.0"})
	f.exec(f.host(1), "apt-mark", "hold", "shop")
	f.stop(f.daemon())
	f.wasAway(300)
	const missed = "no daemon could begin it before its window ended, nor the 299 runs before it"
	d := f.daemon()
	until(t, "the night is listed as missed", func() bool {
		s := f.schedule()
		return s.Last != nil && s.Last.Outcome == "missed" && s.Last.Text == missed
	})
	until(t, "the history has it", func() bool { return strings.Contains(f.do("history").stdout, `"did":"skip schedule"`) })
	f.stop(d)
	f.daemon()
	f.run("schedule", "run", "often")
	until(t, "both are told", func() bool {
		text, err := os.ReadFile(told)
		return err == nil && strings.Contains(string(text), `"on":"failure"`) && strings.Contains(string(text), missed)
	})
	text, err := os.ReadFile(told)
	f.must(err)
	if strings.Count(string(text), `"on":"skipped"`) != 1 || !strings.Contains(string(text), "schedule often could not begin: ") {
		t.Errorf("told is %s", text)
	}
	if history := f.do("history").stdout; strings.Count(history, `"did":"skip schedule"`) != 1 || strings.Count(history, `"did":"fail schedule"`) != 1 {
		t.Errorf("the history is %s", history)
	}
}

// stop has a daemon end as it should.
func (f *fleet) stop(d *program) {
	f.t.Helper()
	f.must(d.Process.Signal(syscall.SIGTERM))
	<-d.ended
}

// wasAway has the last daemon have ended so many nights ago.
func (f *fleet) wasAway(nights int) {
	f.t.Helper()
	b, err := bus.Open(f.t.Context(), bus.Options{State: f.path("state")})
	f.must(err)
	defer func() { f.must(b.Close()) }()
	pages, err := store.Open(f.t.Context(), b)
	f.must(err)
	settings, err := pages.Settings(f.t.Context(), "often")
	f.must(err)
	last := time.Now().UTC().Add(-2*time.Hour - 31*time.Minute).Truncate(24 * time.Hour).Add(2*time.Hour + 30*time.Minute)
	settings.Schedule, settings.Cron, settings.Since = "often", "30 2 * * * UTC", last.AddDate(0, 0, -nights)
	_, err = pages.Set(f.t.Context(), settings)
	f.must(err)
}

// TestDaemonTokens: over TLS, without a token or with one that is over nobody is let
// in, and the history has it.
func TestDaemonTokens(t *testing.T) {
	t.Parallel()
	f := newFleet(t, lab.Options{Kind: lab.Light, Count: 1})
	r, ci := f.opened()
	made := lines[struct{ Token, Hash string }](t, "token", f.do("token", "new", "old", "--role", "admin").stdout)[0]
	f.appendTo("aptfleet.toml", fmt.Sprintf("[[server.tokens]]\nname = \"old\"\nrole = \"admin\"\nhash = %q\nexpires = \"2026-01-01T00:00:00Z\"\n", made.Hash))
	f.daemon()
	for _, tt := range []struct {
		name, token string
		want        int
		says        string
	}{
		{"one that counts", ci, http.StatusOK, "items"},
		{"none", "", http.StatusUnauthorized, "a token is needed"},
		{"one that is over", made.Token, http.StatusUnauthorized, "expired"},
		{"a guessed one", "aptfleet_guessed", http.StatusUnauthorized, "nobody has this token"},
	} {
		if status, body := r.ask("GET", "/v1/hosts", tt.token, ""); status != tt.want || !strings.Contains(body, tt.says) {
			t.Errorf("%s is answered with %d: %s", tt.name, status, body)
		}
	}
	if status, body := r.ask("POST", "/v1/hosts/enroll", ci, `{"selector":"all"}`); status != http.StatusForbidden {
		t.Errorf("too weak a role is answered with %d: %s", status, body)
	}
	if history := f.do("history").stdout; strings.Count(history, `"did":"refused"`) != 4 || !strings.Contains(history, `"by":"token old"`) {
		t.Errorf("the history is %s", history)
	}
}
