package bus

import (
	"context"
	"sync"
	"time"
)

const (
	// markEvery is how often a mark is written, in the background: nobody who adds to a
	// stream waits for it.
	markEvery = time.Second
	// markIn bounds the writing. What could not be written is with the next mark.
	markIn = 2 * time.Second
)

// marker writes the mark of one stream. It may be used concurrently.
type marker struct {
	bus    *Bus
	stream string

	noting  sync.Mutex
	reached uint64
	next    *time.Timer // writes the mark; nil where there is nothing new
	closed  bool

	writing sync.Mutex
	written uint64
}

// note takes down that a sequence of the stream was acknowledged.
func (m *marker) note(sequence uint64) {
	m.noting.Lock()
	defer m.noting.Unlock()
	m.reached = max(m.reached, sequence)
	if m.next == nil && !m.closed {
		m.next = time.AfterFunc(markEvery, m.write)
	}
}

// write writes the mark, if there is anything new.
func (m *marker) write() {
	m.writing.Lock()
	defer m.writing.Unlock()
	m.noting.Lock()
	reached := m.reached
	m.next = nil
	m.noting.Unlock()
	if reached <= m.written {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), markIn)
	defer cancel()
	err := m.bus.changeMark(ctx, m.stream, func(is Mark) (Mark, error) {
		is.Reached = max(is.Reached, reached)
		return is, nil
	})
	if err != nil { // a mark that is behind claims less, and nobody needs to mend anything
		m.bus.log.log.Debug("the mark of a stream could not be written", "stream", m.stream, "error", err)
		return
	}
	m.written = reached
}

// close writes the mark for the last time, once nobody writes it any more.
func (m *marker) close() {
	m.noting.Lock()
	m.closed = true
	if m.next != nil {
		m.next.Stop()
	}
	m.noting.Unlock()
	m.write()
}

// Reached takes down that a sequence of the journal was acknowledged. It costs nothing:
// the mark is written about a second later, and when the bus is closed.
func (b *Bus) Reached(sequence uint64) { b.marker.note(sequence) }
