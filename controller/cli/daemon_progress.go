package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/controller/hostjob"
	"github.com/aptfleet/aptfleet/controller/rollout"
	"github.com/aptfleet/aptfleet/controller/server"
	"github.com/aptfleet/aptfleet/inventory"
)

// hostProgress is how far the hosts are that a daemon works on, for those who look on. It
// is in no journal, and over with the daemon. Its zero value is ready, and its
// methods may be called by many goroutines.
type hostProgress struct {
	mu      sync.Mutex
	updates int // so far
	hosts   map[inventory.HostName]progressUpdate
}

type progressUpdate struct {
	n    int // which of the moves
	line progressLine
}

// progressEvery is how often those who look on are told, of the hosts that moved.
const progressEvery = time.Second

// set notes how far a host is.
func (m *hostProgress) set(host inventory.HostName, p hostjob.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hosts == nil {
		m.hosts = map[inventory.HostName]progressUpdate{}
	}
	m.updates++
	m.hosts[host] = progressUpdate{m.updates, newProgressLine(host, p)}
}

// remove forgets a host that is over.
func (m *hostProgress) remove(host inventory.HostName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.hosts, host)
}

// since returns the hosts that have moved since the first moves, by name, and how
// many moves there are.
func (m *hostProgress) since(seen int) (lines []progressLine, moves int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, at := range m.hosts {
		if at.n > seen {
			lines = append(lines, at.line)
		}
	}
	slices.SortFunc(lines, func(a, b progressLine) int { return cmp.Compare(a.Host, b.Host) })
	return lines, m.updates
}

// progressLine is how far the job on a host is. No command prints it.
type progressLine struct {
	Host    inventory.HostName `json:"host"`
	Percent int                `json:"percent"`
	Phase   string             `json:"phase,omitempty"`
	Package string             `json:"package,omitempty"`
	Text    string             `json:"text,omitempty"`  // apt's
	Waits   string             `json:"waits,omitempty"` // for what, in words
}

func newProgressLine(host inventory.HostName, p hostjob.Progress) progressLine {
	return progressLine{host, int(p.Percent), p.Phase, p.Package, p.Text, waiting(p)}
}

func (progressLine) kind() string { return "progress" }

func (l progressLine) text(w io.Writer) {
	fmt.Fprintf(w, "%-24s %3d%%         %s\n", l.Host, l.Percent, printable(cmp.Or(l.Waits, l.Text, l.Phase)))
}

// Progress tells how far hosts are as long as this daemon runs the rollout.
func (d daemonRollouts) Progress(ctx context.Context, id rollout.ID) iter.Seq2[server.Object, error] {
	return func(yield func(server.Object, error) bool) {
		if _, err := d.journal.Find(ctx, id); err != nil {
			yield(nil, err)
			return
		}
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		var last *request
		seen := 0
		for {
			req, done := d.running(id)
			if done == nil {
				return
			}
			if req != last { // it was resumed
				last, seen = req, 0
			}
			if req != nil {
				var lines []progressLine
				lines, seen = req.progress.since(seen)
				for _, l := range lines {
					if o, err := encode(l); !yield(o, err) || err != nil {
						return
					}
				}
			}
			select {
			case <-tick.C:
			case <-done:
			case <-ctx.Done():
				return
			}
		}
	}
}
