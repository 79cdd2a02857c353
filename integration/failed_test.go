package integration

import (
	"slices"
	"strings"
	"testing"
)

// TestFailedSelector: what failed in a rollout is picked by whatever takes a selector, with
// a daemon and without one, and gets another version, after which nothing is left of it.
func TestFailedSelector(t *testing.T) {
	for name, daemon := range map[string]bool{"alone": false, "through a daemon": true} {
		t.Run(name, func(t *testing.T) {
			f := failing(t, 1, 2)
			f.ends(3, []string{"failed", "failed", "done"}, "rollout", "shop=1.1", "--to", group, "--yes")
			f.publish(shop{version: "1.2"})
			if daemon {
				f.daemon()
			}
			f.picks("web1 web2", "host", "hosts", "failed:R2")
			f.picks("web2", "host", "hosts", "failed:R2[-1]")
			f.picks("web3", "host", "hosts", group+",!failed:R2")
			f.picks("web1 web2", "ping", "ping", "failed:R2")
			f.picks("web1 web2", "enrolled", "enroll", "failed:R2", "--yes")
			f.picks("web1 web2", "health", "health", "failed:R2")
			f.picks("web1 web2", "health", "health", "failed:R2", "--ssh")
			if a := f.run("doctor", "--hosts", "failed:R2"); !strings.Contains(a.stdout, `"check":"hosts","ok":true,"found":"2 can be reached"`) {
				t.Errorf("want both hosts reached: %s", a)
			}
			plans := lines[struct{ Hosts []string }](t, "plan", f.do("plan", "shop=1.2", "--to", "failed:R2").stdout)
			if len(plans) != 1 || !slices.Equal(plans[0].Hosts, []string{"web1", "web2"}) {
				t.Errorf("the plans are %v", plans)
			}

			f.ends(0, []string{"done", "done"}, "rollout", "shop=1.2", "--to", "failed:R2", "--yes")
			f.has("1.2", "1.2", "1.1")
			for selector, want := range map[string]string{"failed:R3": `"failed:R3" selects no host`, "failed:R9": "there is no rollout R9"} {
				if a := f.run("rollout", "shop=1.2", "--to", selector, "--yes"); a.status != 2 || !strings.Contains(a.stderr, want) {
					t.Errorf("want %s: %s", want, a)
				}
			}
		})
	}
}

// TestFailedSelectorTakesBack: a rollout is taken back where it failed, and those hosts have
// not failed any more. Where it was stopped, what it never began is picked too.
func TestFailedSelectorTakesBack(t *testing.T) {
	for name, daemon := range map[string]bool{"alone": false, "through a daemon": true} {
		t.Run(name, func(t *testing.T) {
			f := failing(t, 1)
			f.ends(4, []string{"failed", "not started", "not started"},
				"rollout", "shop=1.1", "--to", group, "--yes", "--batches", "1,100%", "--max-failures", "0")
			if daemon {
				f.daemon()
			}
			f.picks("web1 web2 web3", "host", "hosts", "failed:R2")
			f.ends(5, []string{"returned", "not started", "not started"}, "rollback", "R2", "--to", "failed:R2", "--yes")
			f.has("1.0", "1.0", "1.0")
			f.picks("web2 web3", "host", "hosts", "failed:R2")
		})
	}
}

// TestFailedSelectorInPause: in a pause of a rollout what is still to come has not failed.
func TestFailedSelectorInPause(t *testing.T) {
	f := failing(t, 1)
	if a := f.run("rollout", "shop=1.1", "--to", group, "--yes", "--batches", "2,100%", "--pause", "manual", "--max-failures", "100%"); a.status != 4 {
		t.Fatalf("want a pause: %s", a)
	}
	f.picks("web1", "host", "hosts", "failed:R2")
	f.ends(3, []string{"failed", "done", "not started"}, "abort", "R2")
	f.picks("web1 web3", "host", "hosts", "failed:R2")
}

// picks wants a command to tell of these hosts, in lines of a type.
func (f *fleet) picks(want, kind string, args ...string) {
	f.t.Helper()
	a := f.run(args...)
	var got []string
	for _, l := range lines[struct{ Host string }](f.t, kind, a.stdout) {
		got = append(got, l.Host)
	}
	slices.Sort(got)
	if strings.Join(got, " ") != want {
		f.t.Errorf("want %s: %s", want, a)
	}
}
