package simhost

import (
	"sync"
	"sync/atomic"
)

// Counters are what a fleet has seen since its start.
type Counters struct {
	Accepted        int64            `json:"accepted"`         // TCP connections
	RefusedStartups int64            `json:"refused_startups"` // turned away by MaxStartups
	Handshakes      int64            `json:"handshakes"`       // connections that authenticated
	HandshakeErrors int64            `json:"handshake_errors"` // those that did not
	Live            int64            `json:"live"`             // authenticated connections now
	MaxLive         int64            `json:"max_live"`         // the most at one time
	Sessions        int64            `json:"sessions"`
	RefusedSessions int64            `json:"refused_sessions"` // turned away by MaxSessions
	Forwards        int64            `json:"forwards"`         // connections passed on to other hosts of the fleet
	Commands        int64            `json:"commands"`
	Signals         int64            `json:"signals"`       // asked for by clients
	Keepalives      int64            `json:"keepalives"`    // of SSH, not of TCP
	BytesOut        int64            `json:"bytes_out"`     // commands' output
	KeyExchanges    map[string]int64 `json:"key_exchanges"` // authenticated connections by algorithm
}

// tally counts, from many goroutines at once.
type tally struct {
	accepted, refusedStartups, handshakes, handshakeErrors, live, maxLive atomic.Int64
	sessions, refusedSessions, forwards, commands, signals, keepalives    atomic.Int64
	bytesOut                                                              atomic.Int64

	mu           sync.Mutex
	keyExchanges map[string]int64
}

// enter counts a connection that authenticated.
func (t *tally) enter(keyExchange string) {
	t.handshakes.Add(1)
	live := t.live.Add(1)
	for most := t.maxLive.Load(); live > most && !t.maxLive.CompareAndSwap(most, live); most = t.maxLive.Load() {
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keyExchanges[keyExchange]++
}

func (t *tally) leave() { t.live.Add(-1) }

func (t *tally) snapshot() Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	exchanges := map[string]int64{}
	for name, n := range t.keyExchanges {
		exchanges[name] = n
	}
	return Counters{
		Accepted: t.accepted.Load(), RefusedStartups: t.refusedStartups.Load(),
		Handshakes: t.handshakes.Load(), HandshakeErrors: t.handshakeErrors.Load(),
		Live: t.live.Load(), MaxLive: t.maxLive.Load(),
		Sessions: t.sessions.Load(), RefusedSessions: t.refusedSessions.Load(), Forwards: t.forwards.Load(),
		Commands: t.commands.Load(), Signals: t.signals.Load(), Keepalives: t.keepalives.Load(),
		BytesOut: t.bytesOut.Load(), KeyExchanges: exchanges,
	}
}
