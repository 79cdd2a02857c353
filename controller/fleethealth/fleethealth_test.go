package fleethealth

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

var update = flag.Bool("update", false, "write the golden files")

var (
	now    = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	probes = []health.Probe{{Kind: health.Unit, Target: "shop.service"}, {Kind: health.Package, Target: "shop"}}
)

const patience = 30 * time.Second

// well is a host about which there is nothing to say.
func well(name string) Known {
	return Known{
		Name: inventory.HostName(name), Probes: probes,
		Report: &health.Report{
			Boot: "first", At: now, Received: now.Add(-5 * time.Second), Packages: map[string]string{"shop": "2.0"},
			Results: []health.Result{{Probe: "unit shop.service", OK: true}, {Probe: "package shop", OK: true}},
			Facts:   &health.Facts{Agent: "1.0", Upgrades: &health.Upgrades{}},
		},
		Installed: rollout.Versions{"shop": "2.0"}, InstalledBy: "R7",
	}
}

func TestJudge(t *testing.T) {
	received := now.Add(-5 * time.Second)
	facts := &health.Facts{Agent: "1.0", Upgrades: &health.Upgrades{}}
	for _, tt := range []struct {
		name   string
		change func(*Known)
		want   Host
	}{
		{"well", func(*Known) {}, Host{Reported: received, Facts: facts}},
		{"a probe fails", func(k *Known) {
			k.Report.At = now.Add(time.Minute) // its clock is wrong
			k.Report.Results[0] = health.Result{Probe: "unit shop.service", Since: now, Output: "is failed\nno database"}
		}, Host{Reported: received, Facts: facts, Failures: []Failure{{"unit shop.service", received.Add(-time.Minute), "is failed\nno database"}}}},
		{"a clock that nobody asked for", func(k *Known) { k.Report.At = received.Add(-72 * time.Hour) },
			Host{Reported: received, Facts: facts, Failures: []Failure{{Probe: "clock skew", Output: "is 72h0m0s behind, and may be 1h0m0s"}}}},
		{"a clock that somebody asked for", func(k *Known) {
			k.Report.At, k.Probes = received.Add(-72*time.Hour), append(k.Probes[:len(k.Probes):len(k.Probes)], health.NewClock(time.Minute))
		}, Host{Reported: received, Facts: facts, Failures: []Failure{{Probe: "clock skew", Output: "nothing is reported"}}}},
		{"a probe is not reported", func(k *Known) { k.Report.Results = k.Report.Results[:1] },
			Host{Reported: received, Facts: facts, Failures: []Failure{{Probe: "package shop", Output: "nothing is reported"}}}},
		{"dpkg is not done", func(k *Known) { k.Report.Audit = "shop is half-configured" },
			Host{Reported: received, Facts: facts, Failures: []Failure{{Probe: "dpkg", Output: "is not done: shop is half-configured"}}}},
		{"never heard", func(k *Known) { k.Report, k.Trouble = nil, "no route" }, Host{Silent: true, Trouble: "no route"}},
		{"silent", func(k *Known) { k.Report.Received = now.Add(-31 * time.Second) }, Host{Silent: true, Reported: now.Add(-31 * time.Second), Facts: facts}},
		{"another version", func(k *Known) { k.Report.Packages["shop"] = "1.9" },
			Host{Reported: received, Facts: facts, Drifted: "R7", Drift: []Drift{{"shop", "2.0", "1.9"}}}},
		{"removed", func(k *Known) { delete(k.Report.Packages, "shop") }, Host{Reported: received, Facts: facts, Drifted: "R7", Drift: []Drift{{"shop", "2.0", ""}}}},
		{"came back", func(k *Known) { k.Installed = rollout.Versions{"shop": ""} },
			Host{Reported: received, Facts: facts, Drifted: "R7", Drift: []Drift{{"shop", "", "2.0"}}}},
		{"nobody asked for it", func(k *Known) { k.Installed["libshop"] = "1" }, Host{Reported: received, Facts: facts}},
		{"somebody did", func(k *Known) { k.Installed["libshop"], k.Asked = "1", []string{"libshop"} },
			Host{Reported: received, Facts: facts, Drifted: "R7", Drift: []Drift{{"libshop", "1", ""}}}},
		{"without probes", func(k *Known) { k.Probes = nil }, Host{Reported: received, Facts: facts, Unprobed: true}},
	} {
		k := well("web1")
		tt.change(&k)
		tt.want.Name = "web1"
		if diff := cmp.Diff(tt.want, Judge(k, now, patience)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// fleet is a thousand hosts on a bad morning.
func fleet() []Host {
	var hosts []Host
	for i := range 1000 {
		k := well(fmt.Sprintf("web-%03d", i))
		ail(&k, i)
		hosts = append(hosts, Judge(k, now, patience))
	}
	return hosts
}

// ail gives a host the troubles of its number.
func ail(k *Known, i int) {
	unit := &k.Report.Results[0]
	switch {
	case i%50 == 7:
		*unit = health.Result{Probe: unit.Probe, Since: now.Add(-time.Duration(i) * time.Minute), Output: "is failed (failed), result exit-code, exit status 3\nno database"}
	case i == 11 || i == 12:
		*unit = health.Result{Probe: unit.Probe, Output: "is activating (auto-restart), restarted 17 times"}
	case i == 13:
		k.Report.Audit = "shop is half-configured"
	case i == 20 || i == 21:
		k.Report, k.Trouble = nil, "cannot connect: no route to host"
		return
	case i == 22:
		k.Report.Received = now.Add(-3 * time.Hour)
		*unit = health.Result{Probe: unit.Probe, Output: "is failed, but that was long ago"}
	case i >= 30 && i < 33:
		k.Report.Packages["shop"] = "1.9"
	case i == 33:
		delete(k.Report.Packages, "shop")
	case i >= 900:
		k.Report.Facts = nil
		return
	}
	k.Report.Facts.RebootRequired = i%100 == 5
	if i%3 == 0 {
		k.Report.Facts.Upgrades.Pending = 4
	}
	if i%90 == 0 {
		k.Report.Facts.Upgrades.Security = 1 + i/90
	}
}

func TestWrite(t *testing.T) {
	for name, hosts := range map[string][]Host{
		"thousand": fleet(),
		"fine":     {Judge(well("web1"), now, patience), Judge(well("web2"), now, patience)},
		"unknown":  {Judge(Known{Name: "db1"}, now, patience), Judge(Known{Name: "db2", Report: &health.Report{At: now, Received: now}}, now, patience)},
		"none":     nil,
	} {
		var got bytes.Buffer
		Write(&got, hosts, now)
		file := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestWriteIsAPage: a fleet on which everything fails differently still fits.
func TestWriteIsAPage(t *testing.T) {
	var hosts []Host
	for i := range 1000 {
		k := well(fmt.Sprintf("web-%03d", i))
		k.Report.Results[0] = health.Result{Probe: "unit shop.service", Output: fmt.Sprintf("is odd in way %d", i)}
		hosts = append(hosts, Judge(k, now, patience))
	}
	var got bytes.Buffer
	Write(&got, hosts, now)
	if n := strings.Count(got.String(), "\n"); n > 40 || !strings.Contains(got.String(), "and 985 more kinds of trouble: --json has them all") {
		t.Errorf("it has %d lines:\n%s", n, got.String())
	}
}

func TestNeedsPerson(t *testing.T) {
	for name, change := range map[string]func(*Known){
		"failing":  func(k *Known) { k.Report.Results[0].OK = false },
		"silent":   func(k *Known) { k.Report = nil },
		"drifted":  func(k *Known) { k.Report.Packages["shop"] = "3" },
		"reboot":   func(k *Known) { k.Report.Facts.RebootRequired = true },
		"security": func(k *Known) { k.Report.Facts.Upgrades.Security = 1 },
	} {
		k := well("web1")
		change(&k)
		if h := Judge(k, now, patience); !h.NeedsPerson() {
			t.Errorf("%s: nobody needs to look", name)
		}
	}
	k := well("web1")
	k.Report.Facts.Upgrades.Pending = 9
	if h := Judge(k, now, patience); h.NeedsPerson() {
		t.Error("pending upgrades alone need a person")
	}
}
