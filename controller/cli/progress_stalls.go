package cli

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/inventory"
)

// stallMonitor knows what each host that is worked on is at, and tells people of
// those where nothing moves. A job never ends by itself while a maintainer script
// hangs, and is never killed: only a person can tell patience from a fault. Its
// methods may be called by many goroutines.
type stallMonitor struct {
	app *app
	bar *progress

	mu    sync.Mutex
	hosts map[inventory.HostName]*hostActivity
}

// hostActivity is what one host is at.
type hostActivity struct {
	at    string
	said  string // by the job, last
	since time.Time
	next  time.Duration // of standing still, after which it is told
}

// stallAfter is how long a host may stand still before that is told; it is told
// again whenever the time has doubled.
const stallAfter = 30 * time.Second

func (a *app) newStallMonitor(bar *progress) *stallMonitor {
	return &stallMonitor{app: a, bar: bar, hosts: map[inventory.HostName]*hostActivity{}}
}

// update notes what a host is at, and what its job said last. It stands still whatever
// it says, as long as it is at the same.
func (m *stallMonitor) update(host inventory.HostName, at, said string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.hosts[host]
	if s == nil || s.at != at {
		s = &hostActivity{at: at, since: time.Now(), next: stallAfter}
		m.hosts[host] = s
	}
	s.said = said
}

// remove forgets a host that is over.
func (m *stallMonitor) remove(host inventory.HostName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.hosts, host)
}

// names returns the hosts that are worked on, as a list for people.
func (m *stallMonitor) names() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := make([]string, 0, len(m.hosts))
	for host := range m.hosts {
		names = append(names, string(host))
	}
	slices.Sort(names)
	const most = 10
	if len(names) > most {
		names = append(names[:most], "and more")
	}
	return strings.Join(names, ", ")
}

// run tells of hosts that stand still, and what an interrupt does, until what
// it returns is called.
func (m *stallMonitor) run(ctx context.Context) (stop func()) {
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for interrupt := ctx.Done(); ; {
			select {
			case <-over:
				return
			case <-interrupt:
				m.interrupted()
				interrupt = nil // once
			case <-tick.C:
				m.report()
			}
		}
	}()
	return func() { close(over); <-done }
}

// report says of each host that has stood still for long what it is at.
func (m *stallMonitor) report() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for host, s := range m.hosts {
		stood := time.Since(s.since)
		if stood < s.next {
			continue
		}
		s.next = 2 * stood
		words := s.at
		if s.said != "" {
			words += "; it last said: " + s.said
		}
		m.bar.say(m.app, "%-24s for %v at: %s", host, stood.Truncate(time.Second), printable(words))
	}
}

// interrupted says what the first interrupt does.
func (m *stallMonitor) interrupted() {
	m.bar.say(m.app, "interrupted: no further host is begun; waiting for %s; interrupt again to leave them to themselves", m.names())
}

// doing says in words what a job is at.
func doing(p hostjob.Progress) string {
	for _, at := range []string{waiting(p), p.Text, p.Phase} {
		if at != "" {
			return at
		}
	}
	return connecting
}

// connecting is what a host is at before its job has said anything.
const connecting = "connecting"
