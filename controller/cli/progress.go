package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

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
	over    map[inventory.HostName]bool // finished, and not begun again
	hosts   int
	done    int
	failed  int
	said    string
	fetched bool // the hosts that are done so far have their packages, and no more
}

// whole is what one host adds to the bar.
const whole = 100

// newProgress begins to show a run over a number of hosts.
func (a *app) newProgress(hosts int) *progress {
	p := &progress{percent: map[inventory.HostName]int{}, over: map[inventory.HostName]bool{}, hosts: hosts}
	if p.hasRoom(a.Err) && !a.quiet && !a.json {
		p.bar = newBar(a.Err, hosts)
	}
	return p
}

// around is what stands beside the numbers of hosts, of a bar that is as short as
// can be: " 100% ||  [10m30s:1h2m30s]".
const around = 26

// hasRoom reports whether a bar can be drawn: on a terminal that can go back to the
// beginning of a line, and that is wide enough, or does not say how wide it is.
func (p *progress) hasRoom(stream any) bool {
	if name := os.Getenv("TERM"); !isTerminal(stream) || name == "" || name == "dumb" {
		return false
	}
	columns, _, err := term.GetSize(int(stream.(*os.File).Fd()))
	return err == nil && (columns == 0 || columns >= len(p.String())+around)
}

// newBar returns the bar itself.
func newBar(w io.Writer, hosts int) *progressbar.ProgressBar {
	return progressbar.NewOptions(hosts*whole,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetWidth(24),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
}

// begin counts a host as running.
func (p *progress) begin(host inventory.HostName) {
	p.mu.Lock()
	delete(p.over, host)
	p.mu.Unlock()
	p.set(host, 0)
}

// set moves a host to a percent; it never moves back. Of one that is finished it may
// come late, and moves nothing.
func (p *progress) set(host inventory.HostName, percent int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over[host] {
		return
	}
	p.percent[host] = max(p.percent[host], min(percent, whole))
	p.draw()
}

// finish counts a host as done or failed, whatever its percent.
func (p *progress) finish(host inventory.HostName, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.percent, host)
	p.over[host] = true
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
	if says := p.String(); says != p.said { // which draws, and the percent would be too soon after
		p.said = says
		p.bar.Describe(says)
	}
	// Once at its end a bar is drawn no more; but after the packages come the batches,
	// and after those, hosts may be returned.
	_ = p.bar.Set(max(0, min(at, p.hosts*whole-1))) // fails only past the end
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
