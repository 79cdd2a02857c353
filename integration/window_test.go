package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestParallel rolls out to six hosts, two at a time, whose scripts write down
// when they began and ended, by the one clock that all hosts have.
func TestParallel(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 6, Suites: []string{lab.Bookworm, lab.Trixie}})
	const times = "/var/log/shop-times"
	for _, h := range f.lab.Hosts() {
		f.put(h, faultFile, "date +%s.%N >>\"$DPKG_ROOT"+times+"\"; sleep 3; date +%s.%N >>\"$DPKG_ROOT"+times+"\"\n")
	}
	f.rollOut("shop", "--parallel", "2")
	var moments []string // "TIME begin" and "TIME end", which sort by time
	for _, h := range f.lab.Hosts() {
		fields := strings.Fields(f.read(h, times))
		if len(fields) != 2 {
			t.Fatalf("the script of %s ran %d times", h.Name(), len(fields)/2)
		}
		moments = append(moments, fields[0]+" begin", fields[1]+" end")
	}
	slices.Sort(moments)
	running, most := 0, 0
	for _, m := range moments {
		if strings.HasSuffix(m, "begin") {
			running++
		} else {
			running--
		}
		most = max(most, running)
	}
	if most != 2 {
		t.Errorf("%d hosts were worked on at once, want 2:\n%s", most, fmt.Sprintln(moments))
	}
}
