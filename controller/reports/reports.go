package reports

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/inventory"
	"github.com/aptfleet/aptfleet/pkg/health"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

// ErrNoReport is returned for a host that has not reported yet.
var ErrNoReport = errors.New("the host's agent has not reported")

// Reports are the last reports of all hosts. They may be used concurrently.
type Reports struct {
	bus   *bus.Bus
	log   *bus.LimitedLog
	sub   *nats.Subscription
	stop  context.CancelFunc // of reading the register; nil before
	ended chan struct{}      // closed when nobody reads the register any more

	mu        sync.Mutex
	hosts     map[inventory.HostName]*source
	agents    map[string]*source
	listeners map[inventory.HostName]map[*listener]struct{} // whether the host is enrolled by now or not
}

// What may wait for us at most. A fleet of 50,000 reports once in that.
const (
	maxWaiting      = 50_000
	maxWaitingBytes = 128 << 20
)

// Open begins to listen to the agents of a bus, with all enrolled hosts known.
// log is nil for slog.Default.
func Open(ctx context.Context, b *bus.Bus, log *slog.Logger) (*Reports, error) {
	if log == nil {
		log = slog.Default()
	}
	r := &Reports{
		bus: b, log: bus.NewLimitedLog(log), ended: make(chan struct{}),
		hosts: map[inventory.HostName]*source{}, agents: map[string]*source{},
		listeners: map[inventory.HostName]map[*listener]struct{}{},
	}
	if err := r.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot take reports: %w", err), r.Close())
	}
	return r, nil
}

func (r *Reports) open(ctx context.Context) error {
	if err := r.follow(ctx); err != nil {
		close(r.ended)
		return err
	}
	if err := r.assertForgotten(ctx); err != nil {
		return err
	}
	var err error
	if r.sub, err = r.bus.Conn().Subscribe(bus.ReportSubject("*"), r.take); err != nil {
		return err
	}
	return r.sub.SetPendingLimits(maxWaiting, maxWaitingBytes)
}

// Close ends the listening, and returns once nothing is worked on any more.
func (r *Reports) Close() error {
	var errs []error
	if r.sub != nil {
		errs = append(errs, r.sub.Unsubscribe())
	}
	if r.stop != nil {
		r.stop()
	}
	<-r.ended
	return errors.Join(errs...)
}

// readAgain is after how long the register is read again where it could not be.
const readAgain = time.Second

// follow reads the register, and then what changes in it.
func (r *Reports) follow(ctx context.Context) error {
	stream, keys, read := bus.BucketStream(bus.Hosts), bus.KeySubject(bus.Hosts, ">"), uint64(0)
	for entry, err := range r.bus.Present(ctx, stream, keys) {
		if errors.Is(err, bus.ErrMissing) {
			r.log.Warn("entries of the register of hosts are damaged: enroll all hosts again", "error", err)
			break
		}
		if err != nil {
			return fmt.Errorf("cannot read the register of hosts: %w", err)
		}
		r.enter(entry)
		read = entry.Sequence
	}
	// It outlives the caller's context, which is that of opening.
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(r.ended)
		for ctx.Err() == nil {
			for entry, err := range r.bus.Follow(ctx, stream, keys, read+1) {
				if err != nil {
					break
				}
				r.enter(entry)
				read = entry.Sequence
			}
			if pause.For(ctx, readAgain) == nil {
				r.log.Warn("cannot read the register of hosts, and will try again")
			}
		}
	}()
	return nil
}

// enter takes an entry of the register in.
func (r *Reports) enter(entry bus.Stored) {
	e, err := decodeEnrolled(entry.Data)
	if err != nil {
		r.log.Warn("cannot read an entry of the register of hosts", "key", entry.Subject, "error", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.hosts[e.Host]
	if before != nil && before.Enrolled == e {
		return
	}
	s := newSource(e)
	if before != nil && r.agents[before.Agent] == before { // and not another host's by now
		delete(r.agents, before.Agent)
	}
	r.hosts[e.Host], r.agents[e.Agent] = s, s
}

// assertForgotten makes sure that the servers know who was shut out: their list
// is not synced to the disk as the register is.
func (r *Reports) assertForgotten(ctx context.Context) error {
	r.mu.Lock()
	var forgotten []Enrolled
	for _, s := range r.hosts {
		if !s.Forgotten.IsZero() {
			forgotten = append(forgotten, s.Enrolled)
		}
	}
	r.mu.Unlock()
	for _, e := range forgotten {
		if err := r.bus.Revoke(ctx, e.Forgotten, e.Agent); err != nil {
			return fmt.Errorf("%s: %w", e.Host, err)
		}
	}
	return nil
}

// take takes a message of an agent in. The servers vouch for the subject: no
// other agent can have sent it.
func (r *Reports) take(m *nats.Msg) {
	now := time.Now()
	agent := strings.TrimPrefix(m.Subject, bus.ReportSubject(""))
	r.mu.Lock()
	defer r.mu.Unlock()
	s, known := r.agents[agent]
	if !known || !s.Forgotten.IsZero() {
		r.log.Warn("a report is dropped: no host is enrolled with the agent", "agent", agent)
		return
	}
	if !s.admit(now) {
		r.drop(s)
		return
	}
	report, err := health.Decode(m.Data, now)
	if err != nil {
		r.log.Warn("a report is dropped", "host", s.Host, "error", err)
		s.refused = err
		return
	}
	r.accept(s, report)
}

// accept keeps a report, and tells who listens to the host.
func (r *Reports) accept(s *source, report health.Report) {
	if s.returned(report.Boot) {
		r.log.Warn("two machines report with the key of one host: it was cloned, or its key stolen", "host", s.Host, "agent", s.Agent)
	}
	s.report, s.refused = &report, nil
	for l := range r.listeners[s.Host] {
		l.heard(report)
	}
}

// banFor is how long an agent that floods is banned.
const banFor = 5 * time.Minute

// drop counts a report that is one too many, and keeps an agent out that does
// not stop.
func (r *Reports) drop(s *source) {
	s.dropped++
	if s.dropped%maxDropped != 0 {
		return
	}
	r.log.Warn("an agent reports far too often, and is banned for a while", "host", s.Host, "agent", s.Agent, "dropped", s.dropped, "for", banFor)
	r.bus.Ban(s.Agent, banFor)
}
