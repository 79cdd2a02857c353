package lease

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/aptfleet/aptfleet/controller/bus"
)

// shelf is a bucket in fake time. It drops keys as the server does.
type shelf struct {
	mu       sync.Mutex
	value    []byte
	revision uint64
	written  time.Time

	ask func(ctx context.Context) error // called before a write; nil is at once
	ack func() error                    // called after one
}

type entry struct {
	jetstream.KeyValueEntry
	value    []byte
	revision uint64
}

func (e entry) Value() []byte    { return e.value }
func (e entry) Revision() uint64 { return e.revision }

func (s *shelf) Get(context.Context, string) (jetstream.KeyValueEntry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone() {
		return nil, jetstream.ErrKeyNotFound
	}
	return entry{value: s.value, revision: s.revision}, nil
}

func (s *shelf) gone() bool { return s.value == nil || time.Since(s.written) >= bus.LeaseTime }

func (s *shelf) Create(ctx context.Context, _ string, value []byte, _ ...jetstream.KVCreateOpt) (uint64, error) {
	return s.write(ctx, value, func() error {
		if !s.gone() {
			return jetstream.ErrKeyExists
		}
		return nil
	})
}

func (s *shelf) Update(ctx context.Context, _ string, value []byte, revision uint64) (uint64, error) {
	return s.write(ctx, value, func() error {
		if s.gone() || s.revision != revision {
			return jetstream.ErrKeyRevisionMismatch
		}
		return nil
	})
}

func (s *shelf) Delete(context.Context, string, ...jetstream.KVDeleteOpt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = nil
	return nil
}

func (s *shelf) write(ctx context.Context, value []byte, may func() error) (uint64, error) {
	s.mu.Lock()
	ask := s.ask
	s.mu.Unlock()
	if ask != nil {
		if err := ask(ctx); err != nil {
			return 0, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := may(); err != nil {
		return 0, err
	}
	s.value, s.written = value, time.Now()
	s.revision++
	if s.ack != nil {
		return s.revision, s.ack()
	}
	return s.revision, nil
}

// meet has writes meet something from now on.
func (s *shelf) meet(ask func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ask = ask
}

// drop forgets the lease.
func (s *shelf) drop() { _ = s.Delete(context.Background(), "") } // it always can

// mute is a server that does not answer.
func mute(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func take(t *testing.T, s *shelf, by string) *Lease {
	t.Helper()
	l, err := (&Leases{bucket: s, by: by}).Take(t.Context(), "R7")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		l := take(t, s, "a")
		ctx, cancel := l.While(t.Context())
		defer cancel()
		time.Sleep(time.Hour)
		if ctx.Err() != nil || l.Err() != nil {
			t.Errorf("after an hour: %v, %v", context.Cause(ctx), l.Err())
		}
		_, err := (&Leases{bucket: s, by: "b"}).Take(t.Context(), "R7")
		if held, ok := errors.AsType[*HeldError](err); !ok || held.By != "a" {
			t.Errorf("another one gets %v", err)
		}
		l.Release()
		take(t, s, "b").Release()
	})
}

// TestDead: a controller that dies is followed within the server's time, and not
// before the server has dropped its lease.
func TestDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		l := take(t, s, "a")
		time.Sleep(time.Minute + renewEvery/2)
		dies := time.Now()
		l.end(errReleased) // as by death: nobody gives the lease back
		led := make(chan time.Duration, 1)
		ctx, cancel := context.WithCancel(t.Context())
		(&Leases{bucket: s, by: "b"}).Lead(ctx, "R7", slog.New(slog.DiscardHandler), func(context.Context) {
			led <- time.Since(dies)
			cancel()
		})
		if took, most := <-led, bus.LeaseTime+tryAgain; took < bus.LeaseTime-renewEvery || took > most {
			t.Errorf("it took %v, want at most %v", took, most)
		}
	})
}

// TestStepsDown: one that is not answered any more steps down before another one
// can have the lease, and says why.
func TestStepsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		l := take(t, s, "a")
		defer l.Release()
		ctx, cancel := l.While(t.Context())
		defer cancel()
		time.Sleep(time.Second)
		s.meet(mute)
		<-ctx.Done()
		if s.gone() {
			t.Error("another one could have had it before")
		}
		lost, ok := errors.AsType[*LostError](context.Cause(ctx))
		if !ok || lost.By != "" || !strings.Contains(lost.Error(), "the bus did not answer") {
			t.Errorf("lost with %v", context.Cause(ctx))
		}
	})
}

// TestOutage: what a cluster needs at most to find another leader costs no lease,
// whenever in between two writes it begins. It is the worst if at first nobody is
// there to be asked, and the last question is asked of a node that never answers.
func TestOutage(t *testing.T) {
	for after := time.Duration(0); after <= renewEvery; after += renewEvery / 50 {
		synctest.Test(t, func(t *testing.T) {
			s := &shelf{}
			l := take(t, s, "a")
			defer l.Release()
			time.Sleep(time.Minute + after)
			back := time.Now().Add(9 * time.Second)
			s.meet(func(ctx context.Context) error {
				switch {
				case time.Until(back) > tryAgain:
					return nats.ErrNoResponders
				case time.Until(back) > 0:
					return mute(ctx)
				}
				return nil
			})
			time.Sleep(time.Minute)
			if err := l.Err(); err != nil {
				t.Errorf("an outage %v after a write: %v", after, err)
			}
		})
	}
}

// TestLateAcknowledgement: a lease that was written is kept where only the
// acknowledgement was lost.
func TestLateAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		s := &shelf{ack: func() error {
			if n++; n%2 == 0 {
				return context.DeadlineExceeded
			}
			return nil
		}}
		l := take(t, s, "a")
		defer l.Release()
		time.Sleep(time.Minute)
		if err := l.Err(); err != nil {
			t.Error(err)
		}
	})
}

// TestThawed: whoever asks before an act is told, even before it is noticed, and
// who has the lease now keeps it.
func TestThawed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		l := take(t, s, "a")
		l.mu.Lock()
		l.written = l.written.Add(-time.Minute) // as if it had stood still for that long
		l.mu.Unlock()
		if lost, ok := errors.AsType[*LostError](l.Err()); !ok || lost.For < time.Minute {
			t.Errorf("Err is %v", l.Err())
		}
		s.drop()
		other := take(t, s, "b")
		ctx, cancel := l.While(t.Context())
		defer cancel()
		<-ctx.Done()
		l.Release()
		if err := other.Err(); err != nil {
			t.Errorf("the other one: %v", err)
		}
		other.Release()
	})
}

// TestTakenAway: a lease that another one has is lost at the next renewal.
func TestTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		l := take(t, s, "a")
		s.drop()
		other := take(t, s, "b")
		defer other.Release()
		ctx, cancel := l.While(t.Context())
		defer cancel()
		<-ctx.Done()
		if lost, ok := errors.AsType[*LostError](context.Cause(ctx)); !ok || lost.By != "b" {
			t.Errorf("lost with %v", context.Cause(ctx))
		}
	})
}
