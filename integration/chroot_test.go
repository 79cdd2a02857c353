package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// slot is where the second slot of a server lies.
const slot = "/srv/slots/b"

// makeSlot copies the system of a host into a slot of it, with what programs in
// a chroot want of the kernel.
const makeSlot = `mkdir -p ` + slot + ` && tar -C / --one-file-system --exclude=./srv -c . | tar -x -C ` + slot + ` &&
mount --rbind /dev ` + slot + `/dev && mount --bind /proc ` + slot + `/proc`

// TestSlots has two slots on one server: the host itself and a chroot on it,
// each with its own version, at the same time and without a word of each other.
func TestSlots(t *testing.T) {
	t.Parallel()
	f := bootedFleet(t, lab.Options{Count: 2, Suites: []string{lab.Bookworm, lab.Trixie}})
	f.publish(shop{version: "1.1"})
	inventory := f.lab.Inventory(group) + "\n[groups.slots]\nhosts = [\"slot1\", \"slot2\"]\n"
	for i, h := range f.lab.Hosts() {
		f.exec(h, "sh", "-c", makeSlot)
		inventory += fmt.Sprintf("\n[hosts.slot%d]\naddress = %q\nport = %d\nchroot = %q\n", i+1, h.Address(), h.Port(), slot)
	}
	f.write("inventory.toml", inventory)
	f.do("enroll", "slots", "--yes")

	f.rollOut("shop=1.0")
	f.do("rollout", "shop=1.1", "--to", "slots", "--yes")
	f.slotsHave("1.0", "1.1")
	end := f.do("rollout", "shop=1.1", "--to", "web,slots", "--yes").end(t)
	if end.Summary["done"] != 4 {
		t.Errorf("hosts and slots together ended as %+v", end)
	}
	f.slotsHave("1.1", "1.1")

	slots, spec := f.planning("slots"), ask("shop=1.0")
	p := slots.plan(spec)
	slots.shows(p, "shop 1.1 -> 1.0")
	slots.prefetch(p, spec, "slot-fetch")
	f.exec(f.host(1), "test", "-s", slot+"/var/lib/aptfleet/archives/shop_1.0_all.deb")
	slots.done(slots.install(p, spec, "slot-plan"))
	f.slotsHave("1.1", "1.0")
	slots.done(slots.undo(p, spec, "slot-plan"))
	f.slotsHave("1.1", "1.1")
	f.put(f.host(1), slot+faultFile, "echo no database >&2; exit 3\n")
	f.publish(shop{version: "1.2"})
	a := f.run("rollout", "shop=1.2", "--to", "web,slots", "--yes")
	got := a.end(t).host(t, "slot1")
	if want := "the post-installation script of shop failed with 3: no database"; a.status != 3 || got.Verdict != "failed" || got.Cause != want || f.version(f.host(1), "shop") != "1.2" {
		t.Errorf("status %d, slot1 ended as %+v with shop %q on its host", a.status, got, f.version(f.host(1), "shop"))
	}
}

// slotsHave wants a version on all hosts, and one in all slots.
func (f *fleet) slotsHave(host, inSlot string) {
	f.t.Helper()
	for _, h := range f.lab.Hosts() {
		there := strings.TrimSpace(f.exec(h, "chroot", slot, "dpkg-query", "-W", "-f", "${Version}", "shop"))
		if version := f.version(h, "shop"); version != host || there != inSlot {
			f.t.Errorf("%s (%s) has shop %q and its slot %q, want %s and %s", h.Name(), h.Suite(), version, there, host, inSlot)
		}
	}
}
