package integration

import (
	"os"
	"slices"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestChaosSees does to a host, one after the other, what the chaos must never
// find on one, and wants it to be found.
func TestChaosSees(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Kind: lab.Light})
	f.rollOut("shop=1.0")
	f.publish(shop{version: "1.1"})
	c := &chaos{fleet: f, version: "1.0", mark: map[string]int{}}
	h, deb := f.host(1), f.build(shop{version: "1.1"})
	tr := c.newTrial(0)
	f.rollOut("shop=1.1", "--no-gate")
	const lease, job = "/var/lib/aptfleet/lease", "/var/lib/aptfleet/jobs/R2-20261123T023007.000Z-apt-2/attempt-1/began"
	for _, tt := range []struct {
		name string
		do   func()
		want []string
	}{
		{"as it should be", func() {}, nil},
		{"a lease", func() { f.put(h, lease, "4000000000 somebody") }, []string{leased}},
		{"a second job", func() { f.must(os.MkdirAll(h.Path(job), 0o755)) }, []string{double, leased}},
		{"dpkg again, to its end", func() { f.must(os.RemoveAll(h.Path(job))); f.exec(h, "dpkg", "-i", deb) }, []string{double, leased}},
		{"dpkg again, and not to its end", func() { f.exec(h, "dpkg", "--unpack", deb) }, []string{double, unclean, unclean, leased}},
		{"another version", func() {
			f.must(os.Remove(h.Path(lease)))
			f.exec(h, "dpkg", "--configure", "-a")
			f.exec(h, "apt-get", "-qq", "-y", "--allow-downgrades", "install", "shop=1.0")
		}, []string{double, wrong, wrong}},
	} {
		tt.do()
		var got []string
		for _, f := range tr.allUpgraded(h).flaws(tr.see(h, f.do("status").end(t))) {
			got = append(got, f.kind)
		}
		if slices.Sort(tt.want); !slices.Equal(slices.Sorted(slices.Values(got)), tt.want) {
			t.Errorf("%s is seen as %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestChaosJudges holds what may be said of a host that lost its link against
// what it has.
func TestChaosJudges(t *testing.T) {
	planned := loss{trial: &trial{chaos: &chaos{fleet: &fleet{url: "http://10.0.0.1:80"}}, from: "1", to: "2"}, planned: true}
	lost, bare := planned, planned
	lost.hosts = []lab.Host{nil}
	bare.hosts, bare.planned = lost.hosts, false
	const unfetched, unread = "Failed to fetch http://10.0.0.1:80/x  No route to host", "Failed to fetch file:/x.deb  Permission denied"
	for _, tt := range []struct {
		name    string
		loss    loss
		verdict string
		cause   string
		version string
		work    work
		want    string // kind of the first flaw, "" if there is none
	}{
		{"spared and done", planned, "done", "", "2", work{1, "1>2"}, ""},
		{"spared and unreachable", planned, "unreachable", "", "1", work{}, wrong},
		{"done", lost, "done", "", "2", work{1, "1>2"}, ""},
		{"done, with the old version", lost, "done", "", "1", work{1, "1>2"}, wrong},
		{"done twice", lost, "done", "", "2", work{2, "1>2"}, double},
		{"unreachable", lost, "unreachable", "", "1", work{}, ""},
		{"unreachable, and at work", lost, "unreachable", "", "1", work{1, ""}, double},
		{"unknown", lost, "unknown", "", "1", work{1, ""}, ""},
		{"unknown, and begun twice", lost, "unknown", "", "1", work{2, ""}, double},
		{"not started", lost, "not started", "", "1", work{}, wrong},
		{"still running", lost, "running", "", "1", work{}, wrong},
		{"failed to fetch", lost, "failed", unfetched, "1", work{}, ""},
		{"failed to fetch in a planned job", lost, "failed", unfetched, "1", work{1, ""}, double},
		{"failed to fetch without a plan", bare, "failed", unfetched, "1", work{1, ""}, ""},
		{"failed to read what was fetched", lost, "failed", unread, "1", work{}, wrong},
		{"failed, and has changed", lost, "failed", unfetched, "2", work{1, "1>2"}, double},
	} {
		got := ""
		s := sighting{hostEnd: hostEnd{Host: "web1", Verdict: tt.verdict, Cause: tt.cause}, version: tt.version, work: tt.work}
		if flaws := tt.loss.meanwhile(nil).flaws(s); len(flaws) > 0 {
			got = flaws[0].kind
		}
		if got != tt.want {
			t.Errorf("%s is seen as %q, want %q", tt.name, got, tt.want)
		}
	}
}
