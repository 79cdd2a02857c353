package integration

import (
	"fmt"
	"strings"
	"testing"
)

// TestNightlyUpgrade has a daemon run a schedule that upgrades hosts and restarts those
// that ask for it, which share a mutex. The first comes back and is healthy. The second
// comes back and is not: that is all that the budget has, so the third, which would have
// been next, is not begun. Once the second is mended, a retry goes on: it restarts the
// third, and the second no second time.
func TestNightlyUpgrade(t *testing.T) {
	t.Parallel()
	f := rebootFleet(t, 3)
	f.rollOut("shop=1.0", "--no-gate")
	f.publish(shop{version: "1.1"})
	f.exec(f.host(3), "touch", "/run/reboot-required")
	for i, h := range f.lab.Hosts() {
		f.put(h, "/etc/systemd/system/"+frailUnit, "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n")
		f.exec(h, "systemctl", "start", frailUnit)
		if i != 1 {
			f.exec(h, "systemctl", "enable", "--quiet", frailUnit)
		}
	}
	inventory := strings.Replace(f.lab.Inventory(group), "[groups."+group+"]\n", "[groups."+group+"]\nmutex = \"shop\"\n", 1)
	f.write("inventory.toml", inventory+fmt.Sprintf("\n[groups.%s.health]\nunits = [%q]\n", group, frailUnit))
	f.appendTo("aptfleet.toml", `
[[schedule]]
name = "often"
cron = "0 3 1 1 *"
window = "3h"
run = ["rollout", "--mode", "dist-upgrade", "--to", "`+group+`", "--reboot", "if-required", "--max-failures", "0", "--settle", "1s", "--deadline", "20s"]
`)
	f.daemon()
	if a := f.run("schedule", "run", "often"); a.status != 4 {
		t.Errorf("want status 4: %s", a)
	}
	end := f.run("status").end(t)
	f.restartedOnce("done", "failed", "not started")
	if cause := end.host(t, "web2").Cause; !strings.Contains(cause, "unit "+frailUnit) || !strings.Contains(cause, "inactive") {
		t.Errorf("web2 failed because %q", cause)
	}
	if s := f.schedule(); s.Last == nil || s.Last.Outcome != "failed" || s.Last.Rollout != end.ID {
		t.Errorf("the schedule is %+v", s.Last)
	}
	f.has("1.1", "1.1", "1.0")

	f.exec(f.host(2), "systemctl", "start", frailUnit)
	f.do("retry", end.ID)
	f.restartedOnce("done", "done", "done")
	f.has("1.1", "1.1", "1.1")
}

// restartedOnce wants hosts to have ended so in the last rollout, and those that were
// begun to have been restarted once.
func (f *fleet) restartedOnce(verdicts ...string) {
	f.t.Helper()
	end := f.run("status").end(f.t)
	for i, h := range f.lab.Hosts() {
		want := 1
		if verdicts[i] == "not started" {
			want = 0
		}
		if got := end.host(f.t, h.Name()); got.Verdict != verdicts[i] || f.rebooted(h) != want {
			f.t.Errorf("%s ended as %+v, and was restarted %d times; want %s, and %d times", h.Name(), got, f.rebooted(h), verdicts[i], want)
		}
	}
}
