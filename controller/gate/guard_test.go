package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// fakeFeed is a Feed for one host, whose reports are cried by the test.
type fakeFeed struct {
	last  *health.Report
	heard func(health.Report)
	ask   func(ctx context.Context) // nil answers nothing
	asked int
}

func (c *fakeFeed) Subscribe(_ inventory.HostName, heard func(health.Report)) (end func()) {
	c.heard = heard
	if c.last != nil {
		heard(*c.last)
	}
	return func() { c.heard = nil }
}

func (c *fakeFeed) Ask(ctx context.Context, _ inventory.HostName, packages []string) (health.Report, error) {
	c.asked++
	if want := []string{"old", "shop"}; !slices.Equal(packages, want) {
		panic(fmt.Sprintf("asked for %q, want %q", packages, want))
	}
	if c.ask != nil {
		c.ask(ctx)
	}
	return health.Report{}, errors.New("nobody reads this")
}

// passed is a host that passed its gate just now.
func passed() rollout.HostState {
	at := installed
	at.Passed = time.Now()
	return at
}

// ofNow is a report of a host that is healthy, changed.
func ofNow(change func(r *health.Report)) health.Report {
	r := health.Report{
		Boot: "first", At: time.Now(), Received: time.Now(), Packages: map[string]string{"shop": "2"},
		Results: []health.Result{{Probe: "unit shop.service", OK: true, Output: "is active"}, {Probe: "tcp a:1", OK: true}},
	}
	change(&r)
	return r
}

func isWell(*health.Report) {}

func isIll(r *health.Report) { unit(r, false) }

// TestGuard cries reports, one a step that is done a second after the one before.
func TestGuard(t *testing.T) {
	ill := func(change func(*health.Report)) func(*health.Report) {
		return func(r *health.Report) { isIll(r); change(r) }
	}
	boot := func(boot string) func(*health.Report) { return func(r *health.Report) { r.Boot = boot } }
	for _, tt := range []struct {
		name     string
		last     func(*health.Report) // that the feed has already
		reports  []func(*health.Report)
		relapsed int // by which of the reports, counted from 1; 0 is none
		asked    int
	}{
		{name: "well", last: isWell, reports: []func(*health.Report){isWell, isWell}},
		{name: "silent", last: isWell},
		{name: "ill", last: isWell, reports: []func(*health.Report){isWell, isIll}, relapsed: 2},
		{name: "ill at once", reports: []func(*health.Report){isIll}, relapsed: 1},
		{name: "what was reported before the gate was passed", last: ill(func(r *health.Report) { r.Received = r.Received.Add(-time.Second) })},
		{name: "old", reports: []func(*health.Report){ill(func(r *health.Report) { r.Received = r.Received.Add(-31 * time.Second) })}},
		{name: "an earlier boot", reports: slices.Concat([]func(*health.Report){isWell, boot("second")}, slices.Repeat([]func(*health.Report){ill(boot("first"))}, 7))},
		{name: "ill in another boot, after it was healthy", reports: []func(*health.Report){isWell, boot("second"), ill(boot("second"))}, relapsed: 3},
		{name: "coming up in another boot", reports: []func(*health.Report){isWell, ill(boot("second")), ill(boot("second")), boot("second")}},
		{name: "not coming up in time", reports: slices.Concat([]func(*health.Report){isWell}, slices.Repeat([]func(*health.Report){ill(boot("second"))}, 6)), relapsed: 7},
		{name: "another version", reports: []func(*health.Report){ill(func(r *health.Report) { r.Packages["shop"] = "1" })}, asked: 1},
		{name: "a package that was to go", reports: []func(*health.Report){ill(func(r *health.Report) { r.Packages["old"] = "1" })}, asked: 1},
		{name: "a version that is not told, twice", reports: []func(*health.Report){ill(func(r *health.Report) { r.Packages = nil }), ill(func(r *health.Report) { r.Packages = nil })}, asked: 1},
		{name: "the version alone", reports: []func(*health.Report){func(r *health.Report) { r.Packages["shop"] = "3" }}},
		{name: "dpkg alone", reports: []func(*health.Report){func(r *health.Report) { r.Audit = "shop 3 is unpacked" }}},
		{name: "a probe that is not reported", reports: []func(*health.Report){func(r *health.Report) { r.Results = r.Results[:1] }}},
		{name: "a probe of nobody", reports: []func(*health.Report){func(r *health.Report) { r.Results = append(r.Results, health.Result{Probe: "unit x"}) }}},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, by, relapsed := &fakeFeed{}, 0, 0
				time.Sleep(time.Hour)
				at := passed()
				if tt.last != nil {
					r := ofNow(tt.last)
					c.last = &r
				}
				end := (&Guard{Feed: c, Deadline: 5 * time.Second}).Begin(inventory.Host{Name: "web1", Health: probes}, at, func(why error) {
					relapsed = by
					if want := "cannot leave the host as done: the host is no longer healthy: unit shop.service, since "; !errors.Is(why, ErrRelapsed) || !strings.HasPrefix(why.Error(), want) || !strings.HasSuffix(why.Error(), ": is failed / no database") {
						t.Errorf("it relapsed because %v", why)
					}
				})
				for i, change := range tt.reports {
					time.Sleep(time.Second)
					by = i + 1
					c.heard(ofNow(change))
				}
				synctest.Wait()
				end()
				if relapsed != tt.relapsed || c.asked != tt.asked || c.heard != nil {
					t.Errorf("it relapsed by report %d and was asked %d times, want %d and %d", relapsed, c.asked, tt.relapsed, tt.asked)
				}
			})
		})
	}
}

// TestGuardAsks: agents forget which packages they were asked for. What the host
// then answers counts, and so does its last report where somebody else takes over.
func TestGuardAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, relapses := &fakeFeed{}, 0
		c.ask = func(context.Context) { c.heard(ofNow(isIll)) }
		at := passed()
		end := (&Guard{Feed: c}).Begin(inventory.Host{Name: "web1", Health: probes}, at, func(error) { relapses++ })
		c.heard(ofNow(func(r *health.Report) { isIll(r); r.Packages = nil }))
		synctest.Wait()
		if relapses != 1 || c.asked != 1 {
			t.Errorf("asked %d times, it relapsed %d times", c.asked, relapses)
		}
		end()
		r := ofNow(isIll)
		c.last = &r
		(&Guard{Feed: c}).Begin(inventory.Host{Name: "web1", Health: probes}, at, func(error) { relapses++ })()
		if relapses != 2 {
			t.Errorf("whoever takes over hears of %d relapses", relapses-1)
		}
	})
}

// TestGuardEnds: nothing is left of a question that nobody answers.
func TestGuardEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, given := &fakeFeed{}, false
		c.ask = func(ctx context.Context) { <-ctx.Done(); given = true }
		end := (&Guard{Feed: c}).Begin(inventory.Host{Name: "web1", Health: probes}, passed(), func(err error) { t.Error(err) })
		c.heard(ofNow(func(r *health.Report) { isIll(r); r.Packages["shop"] = "1" }))
		synctest.Wait()
		if end(); c.asked != 1 || !given {
			t.Errorf("it was asked %d times, and the question was given up: %v", c.asked, given)
		}
	})
}

// BenchmarkHear is what a report costs in which all is healthy: of 10,000 hosts there
// are a thousand a second.
func BenchmarkHear(b *testing.B) {
	c := &fakeFeed{}
	defer (&Guard{Feed: c}).Begin(inventory.Host{Name: "web1", Health: probes}, passed(), func(err error) { b.Error(err) })()
	r := ofNow(isWell)
	b.ReportAllocs()
	for b.Loop() {
		r.Received = time.Now()
		c.heard(r)
	}
}
