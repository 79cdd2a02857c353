package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/integration/lab"
	"github.com/aptfleet/aptfleet/integration/simagent"
)

// reporters is how many agents report while their controller is restarted.
const reporters = 200

// TestRestartedUnderReports restarts a daemon many times, by either signal, under
// agents that go on reporting. In between it is only let live as long as it likes;
// after the last time all of them are heard again, and neither
// they nor the daemon or its folder hold on to more than after the first.
func TestRestartedUnderReports(t *testing.T) {
	t.Parallel()
	f := newFleet(t, lab.Options{Kind: lab.Light})
	agents, door := f.reported(reporters)
	d := f.daemon()
	defer agents.Close()
	labelled(t, func() {
		f.must(agents.Connect(door, nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.ReconnectBufSize(-1)))
	})
	ctx, end := context.WithCancel(t.Context())
	reported := make(chan error, 1)
	go func() { reported <- agents.Report(ctx, 2*time.Second) }()
	defer func() {
		end()
		f.must(<-reported)
	}()
	f.hears("sim", reporters)
	before := f.holds(door)
	d = f.restart(d)
	f.hears("sim", reporters)
	f.keeps(door, before)
	if errs := d.errs.String(); strings.Contains(errs, "level=ERROR") {
		t.Errorf("after the last restart it says:\n%s", errs)
	}
}

// reported gives a fleet other hosts, of which nothing but their agents can be
// reached, and a door for these at an address.
func (f *fleet) reported(count int) (agents *simagent.Fleet, door string) {
	f.t.Helper()
	f.write("inventory.toml", fmt.Sprintf("[groups.sim]\nhosts = [\"sim-[00000-%05d]\"]\n", count-1))
	door, _ = f.freeAddress()
	f.appendTo("aptfleet.toml", fmt.Sprintf("\n[bus]\nlisten = %q\nnames = [\"127.0.0.1\"]\n", door))
	b, err := bus.Open(f.t.Context(), bus.Options{State: f.path("state")})
	f.must(err)
	agents, err = simagent.Enroll(f.t.Context(), b, f.path("state"), count)
	f.must(err)
	f.must(b.Close())
	return agents, door
}

// hears waits until so many hosts are healthy by what their agents say.
func (f *fleet) hears(selector string, hosts int) {
	f.t.Helper()
	until(f.t, fmt.Sprintf("%d agents are heard", hosts), func() bool {
		a := f.run("health", selector)
		fleet := lines[struct{ Hosts, Healthy int }](f.t, "fleet", a.stdout)
		return len(fleet) == 1 && fleet[0].Hosts == hosts && fleet[0].Healthy == hosts
	})
}
