package reports

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// TestSubscribe: who heeds a host is told its last report and each that comes, also
// where the host gets an agent, or another one, only then.
func TestSubscribe(t *testing.T) {
	s := newSite(t, t.TempDir())
	a := s.enroll("web1")
	a.send(report("first", "before"))
	s.awaits("the first report", s.says("web1", "before"))
	var mu sync.Mutex
	var heard []string
	subscribe := func(host inventory.HostName) (end func()) {
		return s.reports.Subscribe(host, func(r health.Report) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, fmt.Sprint(host, " ", r.Results[0].Output))
		})
	}
	awaits := func(want ...string) {
		t.Helper()
		s.awaits(fmt.Sprint(want), func() bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.Equal(heard, want)
		})
	}
	endWeb, endLate := subscribe("web1"), subscribe("late")
	awaits("web1 before")
	a.send(report("first", "one"))
	a.send(report("first", "two"))
	awaits("web1 before", "web1 one", "web1 two")
	s.enroll("late").send(report("first", "here"))
	awaits("web1 before", "web1 one", "web1 two", "late here")
	a = s.enroll("web1") // made anew, with another key
	a.send(report("second", "new"))
	awaits("web1 before", "web1 one", "web1 two", "late here", "web1 new")
	endWeb()
	endLate()
	a.send(report("second", "unheard"))
	s.awaits("the last report", s.says("web1", "unheard"))
	awaits("web1 before", "web1 one", "web1 two", "late here", "web1 new")
	if n := len(s.reports.listeners); n > 0 {
		t.Errorf("%d hosts are still listened to", n)
	}
}
