package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// hostHealth is the line that tells how a host is.
type hostHealth struct {
	Host, State, Trouble, Rollout string
	Reported                      time.Time
	Failures                      []struct{ Probe, Output string }
	Drift                         []struct{ Package, Want, Have string }
}

// health returns how each host is that the command tells of.
func (a answer) health(t *testing.T) map[string]hostHealth {
	t.Helper()
	hosts := map[string]hostHealth{}
	for _, h := range lines[hostHealth](t, "health", a.stdout) {
		hosts[h.Host] = h
	}
	return hosts
}

// TestHealth looks at a fleet of which, after a rollout, one host is healthy, one has
// another version, one has lost the package and one its power.
func TestHealth(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Kind: lab.Light, Count: 4})
	f.write("inventory.toml", f.lab.Inventory(group)+"\n[groups."+group+".health]\npackages = [\"shop\"]\n")
	f.publish(shop{version: "2.0"})
	f.rollOut("shop=2.0", "--settle", "1ms")
	older, without, off := f.host(2), f.host(3), f.host(4)
	aptGet := []string{"apt-get", "-y", "--allow-downgrades", "-o", "DPkg::Lock::Timeout=60"}
	f.exec(older, append(aptGet, "install", "shop=1.0")...)
	f.exec(without, append(aptGet, "remove", "shop")...)
	f.must(off.PowerOff())

	a := f.run("health")
	got := a.health(t)
	fleet := lines[map[string]any](t, "fleet", a.stdout)
	if a.status != 3 || len(got) != 4 || len(fleet) != 1 || fleet[0]["healthy"] != 2.0 || fleet[0]["drifted"] != 2.0 || fleet[0]["failing"] != 1.0 || fleet[0]["silent"] != 1.0 {
		t.Fatal(a)
	}
	if h := got["web1"]; h.State != "healthy" || h.Drift != nil {
		t.Errorf("the host that is healthy is %+v", h)
	}
	if h := got["web2"]; h.State != "healthy" || len(h.Drift) != 1 || h.Drift[0].Want != "2.0" || h.Drift[0].Have != "1.0" || h.Rollout != "R1" {
		t.Errorf("the host with another version is %+v", h)
	}
	if h := got["web3"]; h.State != "failing" || len(h.Failures) != 1 || h.Failures[0].Probe != "package shop" || len(h.Drift) != 1 || h.Drift[0].Have != "" {
		t.Errorf("the host without the package is %+v", h)
	}
	if h := got["web4"]; h.State != "silent" || !strings.Contains(h.Trouble, "web4") {
		t.Errorf("the host without power is %+v", h)
	}
	if a := f.do("health", "web1"); !strings.Contains(a.stdout, `"type":"fleet","hosts":1,"healthy":1`) {
		t.Error(a)
	}
}
