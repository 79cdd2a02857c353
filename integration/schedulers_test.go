package integration

import (
	"slices"
	"strings"
	"testing"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/journal"
	"github.com/aptfleet/aptfleet/controller/schedule"
	"github.com/aptfleet/aptfleet/controller/schedule/store"
	"github.com/aptfleet/aptfleet/integration/lab"
)

// TestTwoSchedulers gives two daemons the same schedule, which is due each minute:
// each time one of them begins it, and when that one is killed the other one begins
// the next.
func TestTwoSchedulers(t *testing.T) {
	t.Parallel()
	f := enrolledFleet(t, lab.Options{Count: 1, Kind: lab.Light})
	other, c := f.secondController(), newCluster(t)
	for _, in := range []*fleet{f, other} {
		c.join(in)
		in.appendTo("aptfleet.toml", `
[[schedule]]
name = "often"
cron = "* * * * *"
timezone = "UTC"
window = "1m"
run = ["rollout", "shop", "--to", "`+group+`"]
`)
	}
	daemons := map[string]*program{}
	for _, d := range []*program{f.daemon(), other.daemon()} {
		daemons[pid(d)] = d
	}
	o := openOrders(f, c.OpenForTest(t))
	led := o.begunBy(daemons, "")
	f.must(daemons[led].Process.Kill())
	<-daemons[led].ended
	o.begunBy(daemons, led)
	o.once()
}

// orders is what a schedule has ordered, and what the journal has of it.
type orders struct {
	*fleet
	book    *store.Store
	journal *journal.Journal
}

func openOrders(f *fleet, b *bus.Bus) *orders {
	f.t.Helper()
	book, err := store.Open(f.t.Context(), b)
	f.must(err)
	return &orders{f, book, journal.New(b, "story")}
}

// begun returns the runs that have begun a rollout.
func (o *orders) begun() []schedule.Run {
	o.t.Helper()
	runs, err := o.book.Runs(o.t.Context(), "often")
	o.must(err)
	return slices.DeleteFunc(runs, func(r schedule.Run) bool { return r.Rollout == "" })
}

// begunBy waits until a run was begun by another one of the controllers than one,
// and returns by which.
func (o *orders) begunBy(daemons map[string]*program, one string) (other string) {
	o.t.Helper()
	until(o.t, "a run is begun by another controller than "+one, func() bool {
		for _, r := range o.begun() {
			for id := range daemons {
				if id != one && strings.HasSuffix(r.By, id) {
					other = id
				}
			}
		}
		return other != ""
	})
	return other
}

// once wants each rollout of the journal to be that of one run.
func (o *orders) once() {
	o.t.Helper()
	until(o.t, "there are as many rollouts as runs", func() bool {
		entries, err := o.journal.List(o.t.Context())
		o.must(err)
		var of, is []string
		for _, r := range o.begun() {
			of = append(of, string(r.Rollout))
		}
		for _, e := range entries {
			is = append(is, string(e.ID))
		}
		slices.Sort(of)
		slices.Sort(is)
		return slices.Equal(of, is)
	})
}
