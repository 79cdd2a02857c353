package agent

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/aptfleet/aptfleet/agent/probe"
)

// patience is how long a first report waits for probes that have not ended.
const patience = 3 * time.Second

// Agent reports the health of the host that it runs on. Its fields are set
// before Run, which is called once.
type Agent struct {
	Files   Files
	Host    *probe.Host // Units.Changed is set by Run
	Apt     probe.Apt
	Reboot  *probe.Reboot
	Version string // of this program
	Log     *slog.Logger

	boot    string
	board   *board
	facts   *facts
	watched watched

	mu      sync.Mutex // guards what a request needs, and reload changes
	config  config
	lookout *lookout

	link    *link
	begun   time.Time // when the lookout was
	pace    pace
	sent    string // what was news in the last report that was sent
	changes changes
}

// Run reports until ctx ends. It returns an error if it cannot begin: where the
// host was never enrolled, or its files cannot be meant. What is wrong later is
// logged, and it goes on with what it had.
func (a *Agent) Run(ctx context.Context) error {
	if err := a.prepare(); err != nil {
		return err
	}
	var helpers sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer helpers.Wait()
	defer cancel()
	helpers.Go(func() { a.facts.keep(ctx) })
	helpers.Go(func() { a.changes.listen(ctx, a.Log) })
	a.begin()
	defer func() { a.lookout.halt(); _ = a.Host.Units.Close() }() // which cannot be mended
	var err error
	if a.link, err = dial(a.linkOptions()); err != nil {
		return err
	}
	defer func() { a.link.close() }()
	a.loop(ctx)
	a.tell(daemon.SdNotifyStopping)
	return nil
}

// prepare reads what the agent begins with.
func (a *Agent) prepare() (err error) {
	a.changes = newChanges(a.Files, a.Host.Dpkg)
	if a.config, err = readConfig(a.Files); err != nil {
		return fmt.Errorf("cannot begin: %w", err)
	}
	a.changes.filesChanged(a.config.settings.CA)
	if a.boot, err = probe.Boot(); err != nil {
		return err
	}
	a.board = newBoard()
	a.facts = &facts{version: a.Version, apt: a.Apt, dpkg: a.Host.Dpkg, reboot: a.Reboot, log: a.Log}
	a.Host.Units.Changed = a.unitChanged
	return nil
}

// begin begins to look at the probes.
func (a *Agent) begin() {
	a.board.keep(a.config.probes)
	a.mu.Lock() // until all is begun, since units may change already
	defer a.mu.Unlock()
	a.lookout = &lookout{look: a.Host.Look, board: a.board, every: a.config.settings.Interval}
	a.lookout.start(a.config.probes)
	a.begun = time.Now()
}

func (a *Agent) linkOptions() linkOptions {
	return linkOptions{
		settings: a.config.settings, files: a.Files, id: a.config.id,
		connected: func() { a.changes.connected.give() }, asked: a.answer, log: a.Log,
	}
}

// loop does one thing after the other, none of which takes long: that it goes
// round is what the watchdog of systemd wants to know.
func (a *Agent) loop(ctx context.Context) {
	a.pace = newPace(patience)
	defer a.pace.stop()
	alive, stop := watchdog()
	defer stop()
	a.tell(daemon.SdNotifyReady)
	for {
		select {
		case <-ctx.Done():
			return
		case <-alive:
			a.tell(daemon.SdNotifyWatchdog)
		case <-a.changes.files:
			a.reload()
		case <-a.changes.dpkg:
			a.dpkgChanged()
		case <-a.board.news:
			a.pace.hurry()
		case <-a.pace.soon.C:
			a.reportNews()
		case <-a.changes.connected:
			a.sent = "" // whatever was, is news to who is there now
			a.pace.hurry()
		case <-a.pace.next.C:
			a.reload() // what nobody told of is seen now
			a.report()
		}
	}
}

// watchdog ticks twice as often as systemd wants to hear, if it wants to.
func watchdog() (<-chan time.Time, func()) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return nil, func() {}
	}
	ticker := time.NewTicker(every / 2)
	return ticker.C, ticker.Stop
}

// tell tells systemd, if that started us.
func (a *Agent) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		a.Log.Warn("cannot tell systemd", "state", state, "error", err)
	}
}
