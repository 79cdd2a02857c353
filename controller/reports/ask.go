package reports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
)

// Last is what was heard of a host last.
type Last struct {
	Enrolled
	Report *health.Report // nil is nothing yet; it is not to be changed
}

// Report returns the last report of a host, however old, or ErrNotEnrolled, or
// ErrNoReport.
func (r *Reports) Report(host inventory.HostName) (health.Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.source(host)
	if err != nil {
		return health.Report{}, err
	}
	if s.report == nil {
		return health.Report{}, fmt.Errorf("%s: %w", host, ErrNoReport)
	}
	return *s.report, nil
}

// Refused returns why what a host's agent sent since its last report could not be
// taken, such as that the agent is newer than this program; nil where nothing was
// refused, or the host is not enrolled.
func (r *Reports) Refused(host inventory.HostName) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, err := r.source(host); err == nil {
		return s.refused
	}
	return nil
}

// source returns an enrolled host that was not forgotten.
func (r *Reports) source(host inventory.HostName) (*source, error) {
	s, there := r.hosts[host]
	if !there || !s.Forgotten.IsZero() {
		return nil, fmt.Errorf("%s: %w", host, ErrNotEnrolled)
	}
	return s, nil
}

// Snapshot returns what was heard last of every enrolled host, by name.
func (r *Reports) Snapshot() []Last {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Last, 0, len(r.hosts))
	for _, s := range r.hosts {
		if s.Forgotten.IsZero() {
			all = append(all, Last{s.Enrolled, s.report})
		}
	}
	slices.SortFunc(all, func(a, b Last) int { return cmp.Compare(a.Host, b.Host) })
	return all
}

// answerTimeout is how long a host's agent has to look at all it is asked for.
const answerTimeout = 6 * time.Second

// Ask has a host's agent look now, and returns what it found. Its reports speak of
// these packages for half an hour, besides those of its probes.
func (r *Reports) Ask(ctx context.Context, host inventory.HostName, packages []string) (health.Report, error) {
	r.mu.Lock()
	s, err := r.source(host)
	r.mu.Unlock()
	if err != nil {
		return health.Report{}, err
	}
	request, err := health.Request{Packages: packages}.Encode()
	if err != nil {
		return health.Report{}, fmt.Errorf("%s: %w", host, err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	m, err := r.bus.Conn().RequestWithContext(ctx, bus.AskSubject(s.Agent), request)
	if errors.Is(err, nats.ErrNoResponders) {
		return health.Report{}, fmt.Errorf("%s: its agent is not connected", host)
	}
	if err != nil {
		return health.Report{}, fmt.Errorf("%s: its agent does not answer: %w", host, err)
	}
	report, err := health.Decode(m.Data, time.Now())
	if err != nil {
		return health.Report{}, fmt.Errorf("%s: %w", host, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accept(s, report)
	return report, nil
}
