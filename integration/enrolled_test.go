package integration

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

const (
	agentFolder = "/etc/aptfleet-agent/"
	agentSeed   = "/var/lib/aptfleet-agent/agent.seed"
)

// TestEnrolledAgents has the agents of two hosts enrolled from our repository,
// repaired, one cloned from the other, and one forgotten and let in again, all
// through a daemon that says whom it refuses.
func TestEnrolledAgents(t *testing.T) {
	f, d := heardFleet(t, 2)
	f.hears(group, 2)
	one, two := f.host(1), f.host(2)
	for _, h := range f.lab.Hosts() {
		if policy := f.exec(h, "apt-cache", "policy", "aptfleet-agent"); !strings.Contains(policy, f.url) {
			t.Errorf("%s has its agent from elsewhere:\n%s", h.Name(), policy)
		}
	}
	f.agents("unchanged", "unchanged")
	f.put(one, agentFolder+"agent.toml", "servers = [\"tls://192.0.2.1:1\"]\nca = \"/etc/aptfleet-agent/ca.pem\"\n")
	f.exec(two, "rm", agentFolder+"agent.jwt")
	f.exec(two, "systemctl", "disable", "--now", "aptfleet-agent.service")
	f.agents("repaired", "written")
	f.hears(group, 2)
	f.isCloned(d, one, two)
	f.isForgotten(d)
}

// agents enrolls both hosts and wants something to have been done to each agent.
func (f *fleet) agents(first, second string) {
	f.t.Helper()
	a := f.do("enroll", group, "--yes")
	did := map[string]string{}
	for _, d := range lines[struct{ Host, Agent string }](f.t, "enrolled", a.stdout) {
		did[d.Host] = d.Agent
	}
	if len(did) != 2 || did["web1"] != first || did["web2"] != second {
		f.t.Errorf("want the agents %s and %s: %s", first, second, a)
	}
}

// isCloned gives a host all that another has of its agent, as who copies a disk does.
// It says what it is and does not speak for the other; where even the machine-id is
// the same it cannot know, but is seen and not enrolled.
func (f *fleet) isCloned(d *program, one, two lab.Host) {
	f.t.Helper()
	const machine = "/var/lib/aptfleet-agent/machine-id"
	f.placeOwned(two, machine, f.read(one, machine))
	f.put(two, agentFolder+"agent.jwt", f.read(one, agentFolder+"agent.jwt"))
	f.placeOwned(two, agentSeed, f.read(one, agentSeed))
	until(f.t, "the clone says what it is", func() bool {
		return strings.Contains(f.exec(two, "journalctl", "-u", "aptfleet-agent", "--no-pager"), "its key was made on another machine")
	})
	f.placeOwned(two, machine, f.read(two, "/etc/machine-id"))
	f.exec(two, "systemctl", "restart", "aptfleet-agent.service")
	d.says(f, `an agent is connected twice: .* host=web1 `)
	a := f.run("enroll", group, "--yes")
	if a.status != 3 || !strings.Contains(a.stderr, "web2: its agent has the key of another host, web1: ") {
		f.t.Errorf("a clone is enrolled: %s", a)
	}
	f.exec(two, "rm", agentSeed)
	f.agents("unchanged", "repaired") // with a key that it makes
	f.hears(group, 2)
}

// placeOwned writes a file of the agent's, as it has them.
func (f *fleet) placeOwned(h lab.Host, name, text string) {
	f.t.Helper()
	f.put(h, name, text)
	f.exec(h, "sh", "-c", "chown aptfleet-agent:aptfleet-agent \"$1\" && chmod 0600 \"$1\"", "sh", name)
}

// isForgotten shuts out the agent of a host, which goes on trying.
func (f *fleet) isForgotten(d *program) {
	f.t.Helper()
	f.do("forget", "web1")
	if h := f.run("health", group).health(f.t); h["web1"].State != "silent" || !strings.Contains(h["web1"].Trouble, "no enrolled agent") || h["web2"].State != "healthy" {
		f.t.Errorf("with web1 forgotten the hosts are %+v", h)
	}
	d.says(f, `the bus refused a connection" address=\S+ cause="it comes with the token of web1 `)
	f.agents("repaired", "unchanged")
	f.hears(group, 2)
}
