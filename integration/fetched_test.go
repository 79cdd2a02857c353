package integration

import (
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestFetchedBeforehand: two hosts wait for a person, who goes on once the
// repository is down. They have what they need, although it lies where the user
// to whom apt gives the fetching may not read it, so that apt would fail where it
// had to fetch from there.
func TestFetchedBeforehand(t *testing.T) {
	t.Parallel()
	f := bootedFleet(t, lab.Options{Count: 4, Suites: []string{lab.Trixie, lab.Bookworm}})
	f.publish(shop{name: "fetched-lib", version: "1"}, shop{name: "fetched", version: "1", depends: []string{"fetched-lib"}})
	f.says(4, "rollout fetched --yes --batches 2,100% --pause manual --to "+group)
	f.must(f.server.Close())
	for _, h := range f.lab.Hosts()[2:] {
		for _, archive := range []string{"fetched_1_all.deb", "fetched-lib_1_all.deb"} {
			path := "/var/lib/aptfleet/archives/" + archive
			f.exec(h, "test", "-f", path)
			if out, err := h.Exec(t.Context(), "setpriv", "--reuid=_apt", "--regid=nogroup", "--clear-groups", "cat", path); err == nil {
				t.Errorf("apt's own user may read %s on %s: %d bytes", path, h.Name(), len(out))
			}
		}
	}
	f.says(0, "continue "+f.newest())
	f.have("fetched", f.everywhere("1", nil)...)
	f.have("fetched-lib", f.everywhere("1", nil)...)
	for _, h := range f.lab.Hosts() {
		if log := f.jobLog(h); strings.Contains(log, "_apt") || strings.Contains(log, "Permission denied") {
			t.Errorf("%s (%s) has tried to fetch what it had:\n%s", h.Name(), h.Suite(), log)
		}
	}
}
