package simhost

import (
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// delayed is a connection whose peer seems to be half a round trip away. As the
// TCP handshake on loopback costs nothing, the first bytes wait for what a real
// one would have taken.
type delayed struct {
	net.Conn
	half, jitter time.Duration
	in, out      chan flight
	sent         chan struct{} // closed once the last byte is out
	closing      chan struct{}
	once         sync.Once

	inDue, outDue time.Time // of the last flight, since bytes do not overtake
	writing       sync.Mutex
	arrived       flight // what Read has not returned yet
}

// flight is some bytes under way, or the end of the stream.
type flight struct {
	due   time.Time
	bytes []byte
	err   error
}

func delay(c net.Conn, rtt, jitter time.Duration) *delayed {
	now := time.Now()
	d := &delayed{
		Conn: c, half: rtt / 2, jitter: jitter,
		in: make(chan flight, 64), out: make(chan flight, 64),
		sent: make(chan struct{}), closing: make(chan struct{}),
		inDue:  now.Add(rtt + rtt/2), // SYN, its answer, and the way of the first bytes
		outDue: now.Add(rtt),         // SYN, its answer
	}
	go d.receive()
	go d.send()
	return d
}

// due returns when bytes that leave now arrive.
func (d *delayed) due(last *time.Time) time.Time {
	due := time.Now().Add(d.half)
	if d.jitter > 0 {
		due = due.Add(rand.N(d.jitter))
	}
	if due.Before(*last) {
		due = *last
	}
	*last = due
	return due
}

// receive reads from the network until that ends.
func (d *delayed) receive() {
	buffer := make([]byte, 4096)
	for {
		n, err := d.Conn.Read(buffer)
		f := flight{due: d.due(&d.inDue), bytes: append([]byte(nil), buffer[:n]...), err: err}
		select {
		case d.in <- f:
		case <-d.closing:
			return
		}
		if err != nil {
			return
		}
	}
}

// send writes to the network, and after Close what was still under way.
func (d *delayed) send() {
	defer close(d.sent)
	for {
		select {
		case f := <-d.out:
			if !d.deliver(f) {
				return
			}
		case <-d.closing:
			for len(d.out) > 0 {
				if !d.deliver(<-d.out) {
					return
				}
			}
			return
		}
	}
}

func (d *delayed) deliver(f flight) bool {
	<-time.After(time.Until(f.due))
	_, err := d.Conn.Write(f.bytes)
	if err != nil {
		_ = d.Conn.Close() // so that our reader hears of it as well
	}
	return err == nil
}

func (d *delayed) Read(p []byte) (int, error) {
	for len(d.arrived.bytes) == 0 {
		if d.arrived.err != nil {
			return 0, d.arrived.err
		}
		select {
		case d.arrived = <-d.in:
			<-time.After(time.Until(d.arrived.due))
		case <-d.closing:
			return 0, net.ErrClosed
		}
	}
	n := copy(p, d.arrived.bytes)
	d.arrived.bytes = d.arrived.bytes[n:]
	return n, nil
}

func (d *delayed) Write(p []byte) (int, error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	f := flight{due: d.due(&d.outDue), bytes: append([]byte(nil), p...)}
	select {
	case <-d.closing:
		return 0, net.ErrClosed
	case <-d.sent: // the network failed
		return 0, net.ErrClosed
	case d.out <- f:
		return len(p), nil
	}
}

// Close lets what was written reach the peer first.
func (d *delayed) Close() error {
	d.once.Do(func() { close(d.closing) })
	<-d.sent
	return d.Conn.Close()
}
