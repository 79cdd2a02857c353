package lab

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/remote"
	"github.com/aptfleet/aptfleet/inventory"
)

// TestInventory proves that the lab's inventory is all that aptfleet needs to
// be root on its hosts.
func TestInventory(t *testing.T) {
	eachKind(t, Options{Count: 2}, func(t *testing.T, l *Lab) {
		inv, err := inventory.Parse("inventory.toml", []byte(l.Inventory("web")))
		if err != nil {
			t.Fatal(err)
		}
		hosts, err := inv.Select("web", nil)
		if err != nil || len(hosts) != 2 {
			t.Fatalf("the group has %v, %v; want 2 hosts", hosts, err)
		}
		fleet, err := remote.New(remote.Options{Agent: "none"})
		if err != nil {
			t.Fatal(err)
		}
		defer fleet.Close()
		for i, host := range hosts {
			if want := l.Hosts()[i].Name(); string(host.Name) != want {
				t.Errorf("host %d is %s, want %s", i, host.Name, want)
			}
			out, err := fleet.Link(host).Run(deadline(t), remote.Command{Argv: []string{"id", "-u"}, Root: true})
			if got := strings.TrimSpace(string(out.Stdout)); err != nil || got != "0" {
				t.Errorf("%s: id -u says %q, %v; want 0", host.Name, got, err)
			}
		}
	})
}
