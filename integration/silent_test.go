package integration

import (
	"strings"
	"testing"
	"time"
)

// TestSilent freezes the agent of a host that is healthy, as a debugger or a hung
// kernel would: the fleet's health tells since when nothing is heard of it, until
// the agent thaws. Its neighbour is well all the time.
func TestSilent(t *testing.T) {
	f, _ := heardFleet(t, 2)
	f.hears(group, 2)
	agent := func(signal string) {
		f.exec(f.host(1), "systemctl", "kill", "--signal="+signal, "aptfleet-agent.service")
	}
	agent("STOP")
	frozen := time.Now()
	var h hostHealth
	until(t, "web1 is silent", func() bool {
		h = f.run("health", group).health(t)["web1"]
		return h.State == "silent"
	})
	if frozen.Sub(h.Reported).Abs() > time.Minute {
		t.Errorf("frozen at %v, it is silent since %v", frozen, h.Reported)
	}
	if other := f.run("health", group).health(t)["web2"]; other.State != "healthy" {
		t.Errorf("the other host is %+v", other)
	}
	page := f.people("health", group)
	since := "SILENT\n  no report\n    web1 (since " + h.Reported.Local().Format("15:04") + ", "
	if !strings.Contains(page, since) || !strings.Contains(page, "2 hosts: 1 healthy, 1 silent\n") {
		t.Errorf("people are told\n%s\nwant %q", page, since)
	}
	agent("CONT")
	f.hears(group, 2)
}
