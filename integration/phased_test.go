package integration

import (
	"slices"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// Two machines by their /etc/machine-id: of phased 2 at 50 percent, apt has the
// turn of the second one come, and not that of the first.
const (
	lateMachine  = "00000000000000000000000000000000"
	earlyMachine = "00000000000000000000000000000003"
)

// TestPhasedUpdate: an upgrade that is phased, as Ubuntu's are, has reached some
// hosts and not others. An upgrade of everything shows both groups, leaves the one
// as it is, saying what it waits for, and upgrades the other, and all hosts are done; without a plan it is no
// other. Whoever asks for the version by name gets it everywhere.
func TestPhasedUpdate(t *testing.T) {
	t.Parallel()
	f := bootedFleet(t, lab.Options{Count: 4, Suites: []string{lab.Bookworm, lab.Trixie}})
	f.publish(shop{name: "phased", version: "1"})
	f.says(0, "rollout phased --yes --to "+group)
	f.publish(shop{name: "phased", version: "2", fields: map[string]string{"Phased-Update-Percentage": "50"}})
	for i, h := range f.lab.Hosts() {
		f.put(h, "/etc/machine-id", []string{lateMachine, lateMachine, earlyMachine, earlyMachine}[i]+"\n")
	}
	groups := []string{"2 hosts: web1, web2\n  nothing to change\n  held back by phasing: phased 1 -> 2\n", "2 hosts: web3, web4\n  phased 1 -> 2\n"}
	f.says(0, "plan --mode dist-upgrade --to "+group, groups...)
	f.waitForTheirTurn("web1", "web2")
	f.have("phased", "1", "1", "1", "1")
	f.says(0, "rollout --mode dist-upgrade --yes --to "+group, groups...)
	f.have("phased", "1", "1", "2", "2")
	f.summed(map[string]int{"done": 4})

	f.says(0, "rollout --mode dist-upgrade --no-plan --yes --to "+group)
	f.have("phased", "1", "1", "2", "2")
	f.summed(map[string]int{"done": 4})

	f.says(0, "rollout phased=2 --yes --to "+group, "2 hosts: web1, web2\n  phased 1 -> 2\n")
	f.have("phased", "2", "2", "2", "2")
}

// waitForTheirTurn wants a plan to say, for machines, that phased 2 is held back by
// phasing on these hosts alone, and that nothing else is held back.
func (f *fleet) waitForTheirTurn(hosts ...string) {
	f.t.Helper()
	type change struct{ Package, Old, New, Kind string }
	var waiting []string
	for _, g := range lines[struct {
		Hosts    []string
		Deferred []change
		KeptBack []change `json:"kept_back"`
	}](f.t, "plan", f.do("plan", "--mode", "dist-upgrade", "--to", group).stdout) {
		for _, c := range g.Deferred {
			if c != (change{"phased", "1", "2", "upgrade"}) {
				f.t.Errorf("%v wait for %+v", g.Hosts, c)
			}
			waiting = append(waiting, g.Hosts...)
		}
		if len(g.KeptBack) > 0 {
			f.t.Errorf("on %v are kept back %+v", g.Hosts, g.KeptBack)
		}
	}
	if !slices.Equal(waiting, hosts) {
		f.t.Errorf("%q wait for their turn, want %q", waiting, hosts)
	}
}
