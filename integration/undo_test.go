package integration

import (
	"os"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestUndo takes a rollout back from what the journal and the hosts have kept: on
// the host that failed too the old version returns, and what came with the new
// one goes.
func TestUndo(t *testing.T) {
	f := enrolledFleet(t, lab.Options{Count: 2, Kind: lab.Light})
	f.rollOut("shop=1.0")
	f.publish(shop{name: "shop-lib", version: "3"}, shop{version: "1.1", depends: []string{"shop-lib"}})
	f.put(f.host(2), faultFile, "exit 1\n")
	f.ends(3, []string{"done", "failed"}, "rollout", "shop", "--to", group, "--yes")
	f.put(f.host(2), faultFile, "")
	if lib := f.version(f.host(1), "shop-lib"); lib != "3" {
		t.Errorf("web1 has shop-lib %q, want 3", lib)
	}

	f.ends(5, []string{"returned", "returned"}, "rollback", "R2", "--yes")
	f.has("1.0", "1.0")
	for _, h := range f.lab.Hosts() {
		if lib := f.version(h, "shop-lib"); lib != "" {
			t.Errorf("%s still has shop-lib %s", h.Name(), lib)
		}
	}
}

// TestUndoToNothing: where nothing was installed before, nothing is after a rollout
// was taken back, and that is what the journal says of it.
func TestUndoToNothing(t *testing.T) {
	f := enrolledFleet(t, lab.Options{Count: 1, Kind: lab.Light})
	f.rollOut("shop=1.0")
	f.ends(5, []string{"returned"}, "rollback", "R1", "--yes")
	f.has("")
	if web1 := f.do("status", "R1").end(t).host(t, "web1"); web1.Before == nil || len(web1.Before) > 0 || web1.After == nil || len(web1.After) > 0 {
		t.Errorf("web1 had %v before and has %v after, want none, and not that nobody knows", web1.Before, web1.After)
	}
}

// TestUndoWithoutJobs: a host keeps its jobs for a month, and one that is installed
// anew has none. What the journal knows of the versions is enough to bring them back;
// a host on which nothing was done must not be called returned.
func TestUndoWithoutJobs(t *testing.T) {
	f := enrolledFleet(t, lab.Options{Count: 2, Kind: lab.Light})
	f.rollOut("shop=1.0")
	f.publish(shop{name: "shop-lib", version: "3"}, shop{version: "1.1", depends: []string{"shop-lib"}})
	f.rollOut("shop")
	for _, h := range f.lab.Hosts() {
		f.must(os.RemoveAll(h.Path("/var/lib/aptfleet/jobs")))
	}
	f.put(f.host(2), faultFile, "exit 1\n")
	f.ends(6, []string{"returned", "stuck"}, "rollback", "R2", "--yes")
	f.put(f.host(2), faultFile, "")
	f.ends(5, []string{"returned", "returned"}, "rollback", "R2", "--yes")
	f.has("1.0", "1.0")
	for _, h := range f.lab.Hosts() {
		if lib := f.version(h, "shop-lib"); lib != "" {
			t.Errorf("%s still has shop-lib %s", h.Name(), lib)
		}
	}
}

// TestUndoOfRemovedHost: the inventory no longer has one of the hosts that a rollout
// touched. To go back does not leave it out in silence.
func TestUndoOfRemovedHost(t *testing.T) {
	f := enrolledFleet(t, lab.Options{Count: 3, Kind: lab.Light})
	f.rollOut("shop=1.0")
	f.publish(shop{version: "1.1"})
	f.rollOut("shop")
	all := f.lab.Inventory(group)
	left, _, _ := strings.Cut(strings.Replace(all, ", \"web3\"", "", 1), "\n[hosts.\"web3\"]")
	f.write("inventory.toml", left)
	f.ends(3, []string{"returned", "returned", "unreachable"}, "rollback", "R2", "--yes")
	f.has("1.0", "1.0", "1.1")
	f.write("inventory.toml", all)
	f.ends(5, []string{"returned", "returned", "returned"}, "rollback", "R2", "--yes")
	f.has("1.0", "1.0", "1.0")
}
