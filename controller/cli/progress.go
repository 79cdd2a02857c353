package cli

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/aptfleet/aptfleet/inventory"
)

// progress shows how far a run over many hosts is: a bar that apt's own percent
// moves, with the numbers of hosts and the time left. Without a terminal, or
// under --quiet or --json, there is no bar, and only what is written above it
// appears. Its methods may be called by many goroutines.
type progress struct {
	mu      sync.Mutex
	bar     *progressbar.ProgressBar // nil: not shown
	percent map[inventory.HostName]int
	hosts   int
	done    int
	failed  int
	fetched bool // the hosts that are done so far have their packages, and no more
}

// whole is what one host adds to the bar.
const whole = 100

// newProgress begins to show a run over a number of hosts.
func (a *app) newProgress(hosts int) *progress {
	p := &progress{percent: map[inventory.HostName]int{}, hosts: hosts}
	if isTerminal(a.Err) && !a.quiet && !a.json {
		p.bar = progressbar.NewOptions(hosts*whole,
			progressbar.OptionSetWriter(a.Err),
			progressbar.OptionSetWidth(24),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
		)
	}
	return p
}

// begin counts a host as running.
func (p *progress) begin(host inventory.HostName) { p.set(host, 0) }

// set moves a host to a percent; it never moves back.
func (p *progress) set(host inventory.HostName, percent int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.percent[host] = max(p.percent[host], min(percent, whole))
	p.draw()
}

// finish counts a host as done or failed, whatever its percent.
func (p *progress) finish(host inventory.HostName, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.percent, host)
	if ok {
		p.done++
	} else {
		p.failed++
	}
	p.draw()
}

// fetch says that packages are fetched first.
func (p *progress) fetch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetched = true
}

// batches begins to count from nothing once the packages are fetched. Hosts that
// failed stay so.
func (p *progress) batches() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fetched {
		p.done, p.fetched = 0, false
	}
	p.draw()
}

// above runs print with the bar out of its way.
func (p *progress) above(print func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	err := print()
	p.draw()
	return err
}

// say tells people something, with the bar out of its way.
func (p *progress) say(a *app, format string, args ...any) {
	_ = p.above(func() error { a.say(format, args...); return nil }) // say has no error
}

// end takes the bar away.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.bar = nil
}

func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear() // what fails to reach the terminal can't be told there
	}
}

// draw is called with mu held.
func (p *progress) draw() {
	if p.bar == nil {
		return
	}
	at := (p.done + p.failed) * whole
	for _, percent := range p.percent {
		at += percent
	}
	p.bar.Describe(p.String())
	_ = p.bar.Set(at) // fails only past the end
}

// String counts the hosts.
func (p *progress) String() string {
	running := len(p.percent)
	done := "done"
	if p.fetched {
		done = "fetched"
	}
	return fmt.Sprintf("%d %s, %d failed, %d running, %d waiting",
		p.done, done, p.failed, running, p.hosts-p.done-p.failed-running)
}
