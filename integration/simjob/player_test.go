package simjob

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/integration/simhost"
	"github.com/aptfleet/aptfleet/inventory"
)

// lab is a simulated fleet, reached as a rollout reaches it.
type lab struct {
	t      *testing.T
	debian *simhost.Debian
	fleet  *remote.Fleet
	hosts  []inventory.Host
}

func start(t *testing.T, took time.Duration, lines int, fault simhost.FaultFunc) *lab {
	t.Helper()
	debian := &simhost.Debian{Versions: map[string]string{"shop-web": "2.0"}}
	debian.Shell = (&Player{Debian: debian, Duration: took, Lines: lines}).Play
	sim, err := simhost.Start(simhost.Options{Hosts: 50, Script: debian.Play, Fault: fault})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	files, err := sim.WriteFiles(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Load(files.Inventory)
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := remote.New(remote.Options{KnownHosts: []string{files.Hashed}, Agent: "none"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fleet.Close() })
	return &lab{t, debian, fleet, inv.Hosts()}
}

func spec(version string) hostjob.Spec {
	return hostjob.Spec{ID: "R1-install-" + version, Owner: "R1", Mode: hostjob.Install,
		Packages: []hostjob.Target{{Name: "shop-web", Version: version}}, ReattachFor: time.Nanosecond}
}

func (l *lab) run(host int, s hostjob.Spec, w hostjob.Watch) (hostjob.Outcome, error) {
	link := l.fleet.Link(l.hosts[host])
	defer link.Close()
	return hostjob.Run(l.t.Context(), link, s, w)
}

func TestJobsOfManyHosts(t *testing.T) {
	l := start(t, 300*time.Millisecond, 100, nil)
	var all sync.WaitGroup
	for host := range l.hosts {
		all.Go(func() {
			var log bytes.Buffer
			var last hostjob.Progress
			o, err := l.run(host, spec("1.5"), hostjob.Watch{Log: &log, Progress: func(p hostjob.Progress) { last = p }})
			if err != nil || o.Verdict != hostjob.Done || o.After.Of("shop-web") != "1.5" || o.Before.Of("shop-web") != "" {
				t.Errorf("host %d: %+v, error %v", host, o, err)
			}
			if strings.Count(log.String(), "\n") != 100 || last.Percent != 100 {
				t.Errorf("host %d: progress %+v, log:\n%s", host, last, &log)
			}
			if got := l.debian.Installed(host, "shop-web"); got != "1.5" {
				t.Errorf("host %d has %q", host, got)
			}
		})
	}
	all.Wait()
}

func TestUpgradeToTheNewest(t *testing.T) {
	l := start(t, 0, 0, nil)
	l.debian.Install(0, "shop-web", "1.0")
	o, err := l.run(0, spec(""), hostjob.Watch{})
	if err != nil || o.Verdict != hostjob.Done || o.Before.Of("shop-web") != "1.0" || o.After.Of("shop-web") != "2.0" {
		t.Errorf("%+v, error %v", o, err)
	}
	again := spec("2.0")
	if o, err = l.run(0, again, hostjob.Watch{}); err != nil || o.Verdict != hostjob.Done || o.Before.Of("shop-web") != "2.0" {
		t.Errorf("again: %+v, error %v", o, err)
	}
	again.Packages[0].Version = "3.0"
	if _, err = l.run(0, again, hostjob.Watch{}); !errors.Is(err, hostjob.ErrOtherSpec) {
		t.Errorf("the same id with another spec: error %v", err)
	}
}

func TestRemoval(t *testing.T) {
	l := start(t, 0, 0, nil)
	l.debian.Install(0, "shop-web", "1.0")
	s := spec("2.0")
	s.Packages = []hostjob.Target{{Name: "shop-db"}, {Name: "shop-web", Absent: true}}
	o, err := l.run(0, s, hostjob.Watch{})
	if err != nil || o.Verdict != hostjob.Done || o.After.Of("shop-web") != "" || o.Before.Of("shop-web") != "1.0" {
		t.Errorf("%+v, error %v", o, err)
	}
	if web, db := l.debian.Installed(0, "shop-web"), l.debian.Installed(0, "shop-db"); web != "" || db != "1.0" {
		t.Errorf("shop-web is %q and shop-db %q", web, db)
	}
}

// A plan is made, fetched, carried out, and taken back.
func TestPlan(t *testing.T) {
	l := start(t, 0, 0, nil)
	l.debian.Install(0, "shop-web", "1.0")
	link := l.fleet.Link(l.hosts[0])
	defer link.Close()
	asked := spec("")
	asked.Packages = append(asked.Packages, hostjob.Target{Name: "shop-db"})
	p, err := hostjob.MakePlan(t.Context(), link, asked)
	want := []hostjob.Change{{Name: "shop-db", Architecture: "all", New: "1.0"}, {Name: "shop-web", Architecture: "all", Old: "1.0", New: "2.0"}}
	if err != nil || !reflect.DeepEqual(p.Changes, want) || p.Download != 2000 || p.Growth != 1000<<10 || p.Shortage() != "" {
		t.Fatalf("%+v, error %v", p, err)
	}
	for i, mode := range []hostjob.Mode{hostjob.Prefetch, hostjob.Exact} {
		s := hostjob.Spec{ID: "planned-" + string(mode), Owner: "R1", Mode: mode, Changes: p.Changes}
		o, err := l.run(0, s, hostjob.Watch{})
		if err != nil || o.Verdict != hostjob.Done || len(o.Notes) > 0 {
			t.Errorf("%s: %+v, error %v", mode, o, err)
		}
		if got := l.debian.Installed(0, "shop-web"); got != []string{"1.0", "2.0"}[i] {
			t.Errorf("after %s the host has %q", mode, got)
		}
		if mode == hostjob.Exact {
			s = hostjob.Spec{ID: "back", Owner: "R1", Mode: mode, Changes: o.Reverse(), AnyOld: true}
			if o, err := l.run(0, s, hostjob.Watch{}); err != nil || o.Verdict != hostjob.Done {
				t.Errorf("back: %+v, error %v", o, err)
			}
		}
	}
	if web, db := l.debian.Installed(0, "shop-web"), l.debian.Installed(0, "shop-db"); web != "1.0" || db != "" {
		t.Errorf("back again shop-web is %q and shop-db %q", web, db)
	}
	if p, err := hostjob.MakePlan(t.Context(), link, spec("1.0")); err != nil || p.Changes != nil {
		t.Errorf("what is there already makes the plan %+v, error %v", p, err)
	}
}

func TestJobsThatFail(t *testing.T) {
	broken := map[int]simhost.Fault{1: simhost.Lock, 2: simhost.Fail}
	l := start(t, 0, 0, func(host int) simhost.Fault { return broken[host] })
	for host, want := range map[int]string{1: "Could not get lock", 2: "post-installation script"} {
		l.debian.Install(host, "shop-web", "1.0")
		o, err := l.run(host, spec("2.0"), hostjob.Watch{})
		if err != nil || o.Verdict != hostjob.Broken || !strings.Contains(o.Cause.Text, want) {
			t.Errorf("%s: %+v, error %v", broken[host], o, err)
		}
	}
}

// A job goes on without its controller, which attaches to it again.
func TestJobOutlivesItsConnection(t *testing.T) {
	l := start(t, 500*time.Millisecond, 50, nil)
	ctx, cancel := context.WithCancel(t.Context())
	link := l.fleet.Link(l.hosts[3])
	began := time.Now()
	o, err := hostjob.Run(ctx, link, spec("2.0"), hostjob.Watch{Progress: func(hostjob.Progress) { cancel() }})
	link.Close()
	if err == nil && o.Verdict != hostjob.Done {
		t.Fatalf("%+v after %v", o, time.Since(began))
	}
	var log bytes.Buffer
	if o, err = l.run(3, spec("2.0"), hostjob.Watch{Log: &log}); err != nil || o.Verdict != hostjob.Done || strings.Count(log.String(), "\n") != 50 {
		t.Errorf("%+v, error %v, log:\n%s", o, err, &log)
	}
}

func TestLease(t *testing.T) {
	l := start(t, time.Hour, 0, nil)
	if o, err := l.run(0, spec("2.0"), hostjob.Watch{For: time.Nanosecond}); err != nil || o.Verdict != hostjob.Running {
		t.Fatalf("%+v, error %v", o, err)
	}
	other := spec("1.0")
	other.Owner = "R2"
	var held *hostjob.LeaseError
	if _, err := l.run(0, other, hostjob.Watch{}); !errors.As(err, &held) || held.Owner != "R1" {
		t.Errorf("a second owner: error %v", err)
	}
}

func TestOtherScripts(t *testing.T) {
	l := start(t, 0, 0, nil)
	link := l.fleet.Link(l.hosts[0])
	defer link.Close()
	var exit *remote.ExitError
	if _, err := link.Shell(t.Context(), "echo a; echo b"); !errors.As(err, &exit) || exit.Status != 2 {
		t.Errorf("a script that is not a job's: error %v", err)
	}
}
