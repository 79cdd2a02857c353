package reports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/inventory"
)

// ErrNotEnrolled is returned for a host that has no agent.
var ErrNotEnrolled = errors.New("the host has no enrolled agent")

// Enrolled is a host with an agent.
type Enrolled struct {
	Host  inventory.HostName
	Agent string // the public key of its agent
	At    time.Time
	By    string // who enrolled it

	// Forgotten is when the agent was shut out; zero is not. The entry stays, so
	// that a server which lost its list of those can be told again.
	Forgotten time.Time
}

// wireEnrolled is Enrolled as it is stored, as JSON.
type wireEnrolled struct {
	Version   int                `json:"version"`
	Host      inventory.HostName `json:"host"`
	Agent     string             `json:"agent"`
	At        time.Time          `json:"at"`
	By        string             `json:"by"`
	Forgotten *time.Time         `json:"forgotten,omitempty"`
}

const registerVersion = 1

func (e Enrolled) encode() ([]byte, error) {
	w := wireEnrolled{Version: registerVersion, Host: e.Host, Agent: e.Agent, At: e.At.UTC(), By: e.By}
	if !e.Forgotten.IsZero() {
		at := e.Forgotten.UTC()
		w.Forgotten = &at
	}
	return json.Marshal(w)
}

func decodeEnrolled(data []byte) (Enrolled, error) {
	var w wireEnrolled
	if err := json.Unmarshal(data, &w); err != nil {
		return Enrolled{}, err
	}
	switch {
	case w.Version > registerVersion || w.Version < 1:
		return Enrolled{}, fmt.Errorf("it has version %d, and this program reads up to %d", w.Version, registerVersion)
	case w.Host == "" || w.Agent == "":
		return Enrolled{}, errors.New("it names no host or no agent")
	}
	e := Enrolled{Host: w.Host, Agent: w.Agent, At: w.At, By: w.By}
	if w.Forgotten != nil {
		e.Forgotten = *w.Forgotten
	}
	return e, nil
}

// ErrKeyTaken is returned for an agent whose key is that of another host.
var ErrKeyTaken = errors.New("its agent has the key of another host")

// Register is the list of enrolled hosts on a bus. It may be used concurrently.
type Register struct {
	bus *bus.Bus
	kv  jetstream.KeyValue

	mu     sync.Mutex
	owners map[string]inventory.HostName // of agents' keys, as they were last seen; nil before the first is wanted
}

// OpenRegister returns the register of a bus.
func OpenRegister(ctx context.Context, b *bus.Bus) (*Register, error) {
	kv, err := b.Bucket(ctx, bus.Hosts)
	if err != nil {
		return nil, fmt.Errorf("cannot open the register of hosts: %w", err)
	}
	return &Register{bus: b, kv: kv}, nil
}

// Get returns a host's entry, forgotten or not, or ErrNotEnrolled.
func (r *Register) Get(ctx context.Context, host inventory.HostName) (Enrolled, error) {
	var entry jetstream.KeyValueEntry
	err := r.bus.Ask(ctx, func(ctx context.Context) (err error) { entry, err = r.kv.Get(ctx, bus.Key(string(host))); return err })
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Enrolled{}, fmt.Errorf("%s: %w", host, ErrNotEnrolled)
	}
	if err != nil {
		return Enrolled{}, fmt.Errorf("%s: cannot read the register: %w", host, err)
	}
	e, err := decodeEnrolled(entry.Value())
	if err != nil {
		return Enrolled{}, fmt.Errorf("%s: cannot read the register: %w", host, err)
	}
	return e, nil
}

// Enroll notes that a host's agent has this key. A key that it had before is shut
// out: it may have been left on a disk that somebody else has now. One that another
// host has is refused: what key it has is the host's own word, and the reports of
// the other would be taken for its own.
func (r *Register) Enroll(ctx context.Context, e Enrolled) error {
	if err := r.claim(ctx, e); err != nil {
		return err
	}
	before, err := r.Get(ctx, e.Host)
	if err != nil && !errors.Is(err, ErrNotEnrolled) {
		return err
	}
	if err == nil && before.Agent == e.Agent && before.Forgotten.IsZero() {
		return nil
	}
	if err := r.put(ctx, e); err != nil {
		return err
	}
	if before.Agent == "" || before.Agent == e.Agent || !before.Forgotten.IsZero() {
		return nil // whoever was forgotten is shut out, and another host may have its key since
	}
	if err := r.bus.Revoke(ctx, time.Now(), before.Agent); err != nil {
		return fmt.Errorf("%s: cannot shut out its earlier agent: %w", e.Host, err)
	}
	return nil
}

// claim makes sure that a key is no other host's.
func (r *Register) claim(ctx context.Context, e Enrolled) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.readOwners(ctx); err != nil {
		return fmt.Errorf("%s: cannot read the register: %w", e.Host, err)
	}
	if owner, there := r.owners[e.Agent]; there && owner != e.Host {
		now, err := r.Get(ctx, owner) // it may have been forgotten since, or have another key
		if err != nil {
			return err
		}
		if now.Agent == e.Agent && now.Forgotten.IsZero() {
			return fmt.Errorf("%s: %w, %s: if one is a clone of the other, remove /var/lib/aptfleet-agent/agent.seed there and enroll it again; if %s is called %s now, forget %[3]s first",
				e.Host, ErrKeyTaken, owner, owner, e.Host)
		}
	}
	r.owners[e.Agent] = e.Host
	return nil
}

// readOwners reads whose keys there are, once. The caller has the lock.
func (r *Register) readOwners(ctx context.Context) error {
	if r.owners != nil {
		return nil
	}
	owners := map[string]inventory.HostName{}
	for entry, err := range r.bus.Present(ctx, bus.BucketStream(bus.Hosts), bus.KeySubject(bus.Hosts, ">")) {
		if errors.Is(err, bus.ErrMissing) {
			break // the daemon tells of it
		}
		if err != nil {
			return err
		}
		if e, err := decodeEnrolled(entry.Data); err == nil && e.Forgotten.IsZero() {
			owners[e.Agent] = e.Host
		}
	}
	r.owners = owners
	return nil
}

// Forget shuts a host's agent out: the connection that it has ends, and it gets
// no other. It may be repeated.
func (r *Register) Forget(ctx context.Context, host inventory.HostName) error {
	e, err := r.Get(ctx, host)
	if err != nil {
		return err
	}
	if e.Forgotten.IsZero() {
		e.Forgotten = time.Now()
		if err := r.put(ctx, e); err != nil {
			return err
		}
	}
	if err := r.bus.Revoke(ctx, e.Forgotten, e.Agent); err != nil {
		return fmt.Errorf("%s: %w", host, err)
	}
	return nil
}

func (r *Register) put(ctx context.Context, e Enrolled) error {
	data, err := e.encode()
	if err == nil {
		err = r.bus.Ask(ctx, func(ctx context.Context) error { _, err := r.kv.Put(ctx, bus.Key(string(e.Host)), data); return err })
	}
	if err != nil {
		return fmt.Errorf("%s: cannot write the register: %w", e.Host, err)
	}
	return nil
}
