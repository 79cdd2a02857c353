package integration

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestDaemonBringsAgents enrolls booted hosts through a daemon that serves them the
// repository with the agent's package: the agents report to it, and the fleet is healthy
// by what they say. One is forgotten: it is refused, which the daemon logs, and the
// other goes on; enrolled again, it is let in.
func TestDaemonBringsAgents(t *testing.T) {
	t.Parallel()
	f := newFleet(t, lab.Options{Count: 2, Suites: []string{lab.Bookworm, lab.Trixie}})
	if f.lab.Kind() != lab.Booted {
		t.Skip("the agent needs systemd: " + f.lab.Reason())
	}
	d := f.wholeDaemon()
	f.do("publish", "--suite", "stable", buildAgent(t))
	f.enrollsAgents("written", "written")
	f.reportsOf("healthy", "healthy")
	f.enrollsAgents("unchanged", "unchanged")

	f.do("forget", "web2")
	d.says(f, `the bus refused a connection.*the token of web2 .*was shut out`)
	f.reportsOf("healthy", "silent")
	f.enrollsAgents("unchanged", "repaired")
	f.reportsOf("healthy", "healthy")
	history := f.do("history").stdout
	for did, times := range map[string]int{"publish": 1, "enroll": 3, "forget": 1} {
		if n := strings.Count(history, fmt.Sprintf(`"did":%q`, did)); n != times {
			t.Errorf("%s is %d times in the history, want %d: %s", did, n, times, history)
		}
	}
}

// wholeDaemon has a daemon do all that it can: it serves the repository in the test's
// stead, and has a door for agents. The inventory asks for what every host has.
func (f *fleet) wholeDaemon() *program {
	f.t.Helper()
	f.must(f.server.Close())
	l, err := net.Listen("tcp", net.JoinHostPort(f.lab.ListenAddress(), "0"))
	f.must(err)
	f.must(l.Close())
	f.appendTo("aptfleet.toml", fmt.Sprintf("\n[server]\nrepository = %q\n\n[bus]\nlisten = %q\nnames = [%q]\n",
		strings.TrimPrefix(f.url, "http://"), l.Addr(), f.lab.ListenAddress()))
	f.appendTo("inventory.toml", fmt.Sprintf("\n[groups.%s.health]\nunits = [\"ssh.service\"]\n", group))
	return f.daemon()
}

// enrollsAgents enrolls both hosts and wants something to have been done to the agent
// of each.
func (f *fleet) enrollsAgents(want ...string) {
	f.t.Helper()
	a := f.do("enroll", group, "--yes")
	did := map[string]string{}
	for _, l := range lines[struct{ Host, Agent string }](f.t, "enrolled", a.stdout) {
		did[l.Host] = l.Agent
	}
	for i, h := range f.lab.Hosts() {
		if did[h.Name()] != want[i] {
			f.t.Errorf("the agent of %s is %q, want %s: %s", h.Name(), did[h.Name()], want[i], a)
		}
	}
}

// reportsOf waits until the hosts are in states, by what their agents say: those that
// speak have facts that only an agent knows.
func (f *fleet) reportsOf(want ...string) {
	f.t.Helper()
	type reported struct {
		Host, State string
		Facts       struct{ Agent string }
	}
	until(f.t, fmt.Sprintf("the hosts are %q by their agents", want), func() bool {
		all := lines[reported](f.t, "health", f.run("health").stdout)
		for i, l := range all {
			if l.State != want[i] || l.State == "healthy" && l.Facts.Agent != "1.2.3" {
				return false
			}
		}
		return len(all) == len(want)
	})
}
