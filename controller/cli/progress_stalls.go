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

// lookout knows what each host that is worked on is at, and tells people of
// those where nothing moves. A job never ends by itself while a maintainer script
// hangs, and is never killed: only a person can tell patience from a fault. Its
// methods may be called by many goroutines.
type lookout struct {
	app *app
	bar *progress

	mu    sync.Mutex
	hosts map[inventory.HostName]*standing
}

// standing is what one host is at.
type standing struct {
	at    string
	since time.Time
	next  time.Duration // of standing still, after which it is told
}

// patience is how long a host may stand still before that is told; it is told
// again whenever the time has doubled.
const patience = 30 * time.Second

func (a *app) newLookout(bar *progress) *lookout {
	return &lookout{app: a, bar: bar, hosts: map[inventory.HostName]*standing{}}
}

// see notes what a host is at.
func (l *lookout) see(host inventory.HostName, at string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.hosts[host]; s == nil || s.at != at {
		l.hosts[host] = &standing{at: at, since: time.Now(), next: patience}
	}
}

// leave forgets a host that is over.
func (l *lookout) leave(host inventory.HostName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.hosts, host)
}

// names returns the hosts that are worked on, as a list for people.
func (l *lookout) names() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := make([]string, 0, len(l.hosts))
	for host := range l.hosts {
		names = append(names, string(host))
	}
	slices.Sort(names)
	const most = 10
	if len(names) > most {
		names = append(names[:most], "and more")
	}
	return strings.Join(names, ", ")
}

// keep tells of hosts that stand still, and what an interrupt does, until what
// it returns is called.
func (l *lookout) keep(ctx context.Context) (stop func()) {
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
				l.interrupted()
				interrupt = nil // once
			case <-tick.C:
				l.tell()
			}
		}
	}()
	return func() { close(over); <-done }
}

// tell says of each host that has stood still for long what it is at.
func (l *lookout) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for host, s := range l.hosts {
		stood := time.Since(s.since)
		if stood < s.next {
			continue
		}
		s.next = 2 * stood
		l.bar.say(l.app, "%-24s for %v at: %s", host, stood.Truncate(time.Second), printable(s.at))
	}
}

// interrupted says what the first interrupt does.
func (l *lookout) interrupted() {
	l.bar.say(l.app, "interrupted: no further host is begun; waiting for %s; interrupt again to leave them to themselves", l.names())
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
