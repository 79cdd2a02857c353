package integration

import (
	"fmt"
	"os/exec"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestPublishWhileHostsUpdate publishes version after version while two hosts
// update their lists as fast as they can and are rolled out to. No update may
// see a mismatch or miss a file, and no rollout anything but whole versions.
func TestPublishWhileHostsUpdate(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 3, Suites: []string{lab.Bookworm, lab.Trixie}})
	var updates []*exec.Cmd
	for _, h := range f.lab.Hosts()[:2] {
		cmd := h.Command(t.Context(), "sh", "-c",
			`n=0; until [ -e "${APTFLEET_ROOT:-}`+goFile+`" ]; do apt-get -q -o APT::Update::Error-Mode=any update || exit; n=$((n + 1)); done; [ $n -ge 3 ]`)
		cmd.Stdout = new(console)
		f.must(cmd.Start())
		updates = append(updates, cmd)
	}
	for i := 1; i <= 8; i++ {
		version := fmt.Sprintf("2.%d", i)
		f.publish(shop{version: version})
		f.do("promote", "shop="+version, "stable", "nightly")
		if i%4 != 0 {
			continue
		}
		if end := f.do("rollout", "shop", "--suite", "stable", "--to", "web3", "--yes").end(t); end.host(t, "web3").After["shop"] != version {
			t.Errorf("in the middle of publishing web3 ended as %+v, want %s", end.Hosts, version)
		}
	}
	for i, cmd := range updates {
		h := f.host(i + 1)
		f.put(h, goFile, "")
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s (%s): an update failed: %v\n%s", h.Name(), h.Suite(), err, cmd.Stdout)
		}
	}
	f.rollOut("shop=2.8")
	f.do("repo", "verify")
}
