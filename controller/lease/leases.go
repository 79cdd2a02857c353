package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/pkg/pause"
)

// Leases is the bucket of leases, as one controller sees it. It may be used
// concurrently.
type Leases struct {
	bucket bucket
	by     string
	ask    func(ctx context.Context, question func(context.Context) error) error // bus.Bus's
	close  func()
}

// bucket is all that is needed of a jetstream.KeyValue.
type bucket interface {
	Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error)
	Create(ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt) (uint64, error)
	Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	Delete(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error
}

// Open returns the leases of a bus. by tells other people who has one, such as
// "root@deploy (4711)".
func Open(ctx context.Context, b *bus.Bus, by string) (*Leases, error) {
	conn, js, err := b.OpenConn()
	if err != nil {
		return nil, err
	}
	var kv jetstream.KeyValue
	err = b.Ask(ctx, func(ctx context.Context) error { kv, err = js.KeyValue(ctx, bus.Lease); return err })
	if err == nil && b.Embedded() {
		err = void(ctx, b, kv)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("cannot open the leases: %w", err)
	}
	return &Leases{bucket: kv, by: by, ask: b.Ask, close: conn.Close}, nil
}

// void ends all leases, if there are any.
func void(ctx context.Context, b *bus.Bus, kv jetstream.KeyValue) error {
	status, err := kv.Status(ctx)
	if err != nil || status.Values() == 0 {
		return err
	}
	return b.Stream(bus.BucketStream(bus.Lease)).Purge(ctx)
}

// Close closes the connection. Leases that were not released end by themselves.
func (l *Leases) Close() { l.close() }

// HeldError says that another controller has the lease.
type HeldError struct {
	Name string
	By   string
}

func (e *HeldError) Error() string { return fmt.Sprintf("%s is held by %s", e.Name, e.By) }

// Holder returns who has a lease; "" is nobody.
func (l *Leases) Holder(ctx context.Context, name string) (by string, err error) {
	var c claim
	err = l.ask(ctx, func(ctx context.Context) error { c, _, err = l.read(ctx, name); return err })
	return c.By, err
}

// Take takes a lease and keeps it until it is released or lost. If somebody has
// it, the error is a *HeldError.
func (l *Leases) Take(ctx context.Context, name string) (*Lease, error) {
	k := &Lease{
		leases: l, name: name, claim: claim{Version: claimVersion, By: l.by, Nonce: nuid.Next()},
		lost: make(chan struct{}), done: make(chan struct{}),
	}
	if err := k.take(ctx); err != nil {
		var held *HeldError
		if errors.As(err, &held) {
			return nil, held
		}
		return nil, fmt.Errorf("cannot take the lease on %s: %w", name, err)
	}
	go k.keep(context.WithoutCancel(ctx))
	return k, nil
}

// Lead calls fn whenever this controller gets the lease on something that only one
// should do, until ctx ends, and waits for it. The context of fn ends with ctx,
// with the same cause, or with a *LostError.
func (l *Leases) Lead(ctx context.Context, name string, log *slog.Logger, fn func(context.Context)) {
	for ctx.Err() == nil {
		k, err := l.Take(ctx, name)
		if err == nil {
			log.Info("this controller leads", "what", name)
			k.lead(ctx, fn)
			continue
		}
		var held *HeldError
		if !errors.As(err, &held) && ctx.Err() == nil {
			log.Warn("cannot see who leads", "what", name, "error", err)
		}
		_ = pause.For(ctx, tryAgain) // if ctx has ended, so does the loop
	}
}

// claim is what a lease has as its value.
type claim struct {
	Version int    `json:"v"`
	By      string `json:"by"`
	Nonce   string `json:"n"` // of the Lease: a controller that begins anew has the same name
}

const claimVersion = 1

// errNobody is that a lease has ended.
var errNobody = errors.New("nobody has it")

// read returns what is in the bucket now; a zero claim if there is nothing.
func (l *Leases) read(ctx context.Context, name string) (c claim, revision uint64, err error) {
	entry, err := l.bucket.Get(ctx, bus.Key(name))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return c, 0, nil
	}
	if err != nil {
		return c, 0, fmt.Errorf("cannot read the lease on %s: %w", name, err)
	}
	if err := json.Unmarshal(entry.Value(), &c); err != nil || c.Version > claimVersion {
		c.By = "an aptfleet of another version"
	}
	return c, entry.Revision(), nil
}
