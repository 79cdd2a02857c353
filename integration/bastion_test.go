package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestBastion rolls out to hosts behind a bastion, which is a host of the
// inventory itself. They know no way to the repository: it comes to them through
// the same connection.
func TestBastion(t *testing.T) {
	t.Parallel()
	f := newFleet(t, lab.Options{Count: 3, Suites: []string{lab.Bookworm, lab.Trixie}})
	bastion := f.host(1)
	f.reconfigure(f.url, "http://repository.example:8071")
	inventory := f.lab.Inventory(group)
	for _, h := range f.lab.Hosts() {
		table := fmt.Sprintf("\n[hosts.%q]\n", h.Name())
		inventory = strings.Replace(inventory, table, table+"tunnel = true\n", 1)
		if h != bastion {
			inventory = strings.Replace(inventory, table, table+fmt.Sprintf("jump = %q\n", bastion.Name()), 1)
		}
	}
	f.write("inventory.toml", inventory)
	f.do("enroll", group, "--yes")
	f.brings("", "1.0", "shop")
	if f.lab.Kind() != lab.Booted {
		return // light hosts do not see where a connection comes from
	}
	for _, h := range f.lab.Hosts()[1:] {
		log := f.exec(h, "journalctl", "--unit", "ssh.service", "--grep", "Accepted publickey for", "--output", "cat")
		if strings.Count(log, "\n") != strings.Count(log, " from "+bastion.Address()+" ") {
			t.Errorf("%s was not reached through %s alone:\n%s", h.Name(), bastion.Name(), log)
		}
	}
}
