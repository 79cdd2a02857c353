package probe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aptfleet/aptfleet/pkg/health"
)

// trusted is how long a unit is taken to be as it was without being told: a
// change that nobody told of is seen then.
const trusted = time.Minute

// Units asks systemd for units over D-Bus, once each and then when systemd says
// that one changed. It connects when it is first asked, and again when the
// connection was lost. Its methods may be called concurrently.
type Units struct {
	Address string            // of the bus; "" is the system's
	Changed func(unit string) // is told of each that may have changed; must not block

	dialing sync.Mutex // held while a connection is made

	mu    sync.Mutex
	bus   *bus // nil is not connected
	known map[string]*seen
}

// seen is how a unit was.
type seen struct {
	state health.UnitState
	since time.Time
	at    time.Time // zero while it is being asked for, or to be asked for again
}

// look judges a unit.
func (u *Units) look(ctx context.Context, p health.Probe) health.Result {
	found, err := u.state(ctx, p.Target)
	switch {
	case ctx.Err() != nil:
		return health.Late(p, "systemd did not answer")
	case err != nil:
		return failed(p, fmt.Errorf("cannot ask systemd: %w", err))
	}
	r := health.JudgeUnit(p, found.state)
	r.Since = found.since
	return r
}

// state returns how a unit is, from memory where nothing was heard of it since.
func (u *Units) state(ctx context.Context, unit string) (seen, error) {
	if found, ok := u.remembered(unit); ok {
		return found, nil
	}
	b, err := u.connect()
	if err != nil {
		return seen{}, err
	}
	if err := u.match(ctx, b, unit); err != nil {
		return seen{}, err
	}
	asked := &seen{}
	u.remember(unit, asked) // who hears of the unit from now on takes it away again
	found, err := readUnit(ctx, b.conn, unit)
	if err != nil {
		return seen{}, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.known[unit] == asked {
		u.known[unit] = &found
	}
	return found, nil
}

func (u *Units) remembered(unit string) (seen, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	found := u.known[unit]
	if found == nil || found.at.IsZero() || time.Since(found.at) > trusted {
		return seen{}, false
	}
	return *found, true
}

func (u *Units) remember(unit string, s *seen) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.bus != nil {
		u.known[unit] = s
	}
}

// connect returns the connection, a new one where there is none.
func (u *Units) connect() (*bus, error) {
	u.dialing.Lock()
	defer u.dialing.Unlock()
	u.mu.Lock()
	b := u.bus
	u.mu.Unlock()
	if b != nil {
		return b, nil
	}
	b, err := dialBus(u.Address)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.bus, u.known = b, map[string]*seen{}
	go u.listen(b)
	return b, nil
}

// match makes sure that b tells of a unit.
func (u *Units) match(ctx context.Context, b *bus, unit string) error {
	end := endOf(pathOf(unit))
	u.mu.Lock()
	matched := b.matched[end] != ""
	u.mu.Unlock()
	if matched {
		return nil
	}
	if err := b.match(ctx, unit); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	b.matched[end] = unit
	return nil
}

// listen forgets units as systemd tells of them, until the connection ends.
func (u *Units) listen(b *bus) {
	defer close(b.done)
	for signal := range b.signals {
		u.mu.Lock()
		unit := b.matched[endOf(signal.Path)]
		delete(u.known, unit)
		u.mu.Unlock()
		if unit != "" {
			u.Changed(unit)
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.bus, u.known = nil, nil
}

// Close ends the connection, if there is one, and waits for its end.
func (u *Units) Close() error {
	u.mu.Lock()
	b := u.bus
	u.mu.Unlock()
	if b == nil {
		return nil
	}
	err := b.conn.Close()
	<-b.done
	return err
}
