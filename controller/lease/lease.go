package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

// A cluster that has lost a node needs up to 9 s to find another leader, and a lease
// must outlast that: renewEvery + 9 s + answerIn + tryAgain is less than validFor. It
// must not outlast it by much: a dead controller's rollout waits for its end.
const (
	// renewEvery is how often a lease is written anew.
	renewEvery = 500 * time.Millisecond
	// tryAgain is after how long what was not answered is asked again.
	tryAgain = 200 * time.Millisecond
	// takeIn is how long a lease is asked for where nobody answers.
	takeIn = 20 * time.Second
	// answerIn is how long an answer is waited for: not long, since a node that has
	// died never gives one, and another one is asked then.
	answerIn = time.Second
	// validFor is how long after it was last written a lease counts for the one who
	// has it. For all others it counts until the server drops it, which is later.
	validFor = bus.LeaseTime - 250*time.Millisecond
)

// Lease is a lease that this controller has. It may be used concurrently.
type Lease struct {
	leases *Leases
	name   string
	claim  claim

	revision uint64 // of the key; owned by keep

	mu      sync.Mutex
	written time.Time // when the last write that was acknowledged had been sent
	err     error     // why the lease is lost, or errReleased

	lost chan struct{} // closed when the lease is lost or released
	done chan struct{} // closed when nobody renews it any more
}

// LostError says that a lease was lost.
type LostError struct {
	Name string
	By   string        // who has it now; "" if that is not known
	For  time.Duration // how long it had not been renewed
}

func (e *LostError) Error() string {
	if e.By != "" {
		return fmt.Sprintf("the lease on %s is lost: it is held by %s", e.Name, e.By)
	}
	return fmt.Sprintf("the lease on %s is lost: it was not renewed for %v, since this controller stood still or the bus did not answer",
		e.Name, e.For.Round(100*time.Millisecond))
}

var errReleased = errors.New("the lease was released")

// Err returns nil while the lease counts, and a *LostError when it does no more,
// also where nobody has noticed yet: whoever asks before an act has not stood
// still since before.
func (l *Lease) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := time.Since(l.written); l.err == nil && old >= validFor {
		return &LostError{Name: l.name, For: old}
	}
	return l.err
}

// While returns a context that ends with ctx, with the same cause, or when the
// lease is lost, with a *LostError. It is to be cancelled when it is not needed
// any more.
func (l *Lease) While(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-l.lost:
			cancel(l.Err())
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// Release gives the lease back, so that another controller can take it at once.
func (l *Lease) Release() {
	l.end(errReleased)
	<-l.done
	ctx, cancel := context.WithTimeout(context.Background(), answerIn)
	defer cancel()
	// If it is not given back it ends by itself; and what is another's stays.
	_ = l.leases.bucket.Delete(ctx, bus.Key(l.name), jetstream.LastRevision(l.revision))
}

func (l *Lease) lead(ctx context.Context, fn func(context.Context)) {
	defer l.Release()
	ctx, cancel := l.While(ctx)
	defer cancel()
	fn(ctx)
}

// end notes why the lease counts no more, the first time.
func (l *Lease) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
		close(l.lost)
	}
}

// keep renews the lease until it is lost or released.
func (l *Lease) keep(ctx context.Context) {
	defer close(l.done)
	next := renewEvery
	for l.pause(next) {
		if err := l.Err(); err != nil {
			l.end(err)
			return
		}
		var held *HeldError
		switch err := l.renew(ctx); {
		case err == nil:
			next = renewEvery
		case errors.As(err, &held):
			l.end(&LostError{Name: l.name, By: held.By})
		case errors.Is(err, errNobody):
			l.end(&LostError{Name: l.name, For: l.age()})
		default:
			next = tryAgain
		}
	}
}

// pause waits for d, or until the lease counts no more; it reports whether it was
// for d.
func (l *Lease) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.lost:
		return false
	}
}

// take writes the lease for the first time.
func (l *Lease) take(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, takeIn)
	defer cancel()
	for {
		err := l.try(ctx, answerIn)
		var held *HeldError
		if err == nil || errors.As(err, &held) || pause.For(ctx, tryAgain) != nil {
			return err
		}
	}
}

// renew writes the lease once, if it is answered before the lease is lost.
func (l *Lease) renew(ctx context.Context) error { return l.try(ctx, min(answerIn, validFor-l.age())) }

func (l *Lease) try(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return l.write(ctx)
}

func (l *Lease) age() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.written)
}

// write makes the key, or writes it from the revision that is ours. A conflict may
// mean that it was written and that only the acknowledgement was lost.
func (l *Lease) write(ctx context.Context) error {
	data, err := json.Marshal(l.claim)
	if err != nil {
		return err
	}
	sent, revision := time.Now(), uint64(0)
	if l.revision == 0 {
		revision, err = l.leases.bucket.Create(ctx, bus.Key(l.name), data)
	} else {
		revision, err = l.leases.bucket.Update(ctx, bus.Key(l.name), data, l.revision)
	}
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return l.settle(ctx)
	}
	if err != nil {
		return err
	}
	l.revision = revision
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written = sent
	return nil
}

// settle finds out whose the key is that was not written from our revision. One of
// ours is written again from there.
func (l *Lease) settle(ctx context.Context) error {
	now, revision, err := l.leases.read(ctx, l.name)
	switch {
	case err != nil:
		return err
	case revision == 0 && l.revision > 0:
		return errNobody
	case revision <= l.revision: // and yet it was written from there
		return fmt.Errorf("cannot write the lease on %s: the server that was asked for it is behind", l.name)
	case now.Nonce != l.claim.Nonce:
		return &HeldError{Name: l.name, By: now.By}
	}
	l.revision = revision
	return l.write(ctx)
}
