// Package store keeps the runs and settings of schedules in the bucket "config"
// of the bus.
//
// A run is a key of its own, by its schedule and the second at which it was due.
// It is made with 0 as the expected sequence, which of two controllers one
// succeeds in, and changed only from the revision that the writer knows. What was
// acknowledged lasts; there is nothing to repair after a crash.
package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aptfleet/aptfleet/controller/bus"
	"github.com/aptfleet/aptfleet/controller/schedule"
)

// kept is how many runs of a schedule are kept.
const kept = 50

// Store is a schedule.Store on the bus. It may be used concurrently.
type Store struct {
	bus *bus.Bus
	kv  jetstream.KeyValue
}

var _ schedule.Store = (*Store)(nil)

// Open returns the store of a bus.
func Open(ctx context.Context, b *bus.Bus) (*Store, error) {
	kv, err := b.Bucket(ctx, bus.Config)
	if err != nil {
		return nil, fmt.Errorf("cannot open the store of schedules: %w", err)
	}
	return &Store{b, kv}, nil
}

func settingsKey(name string) string { return "schedule." + name + ".settings" }
func runsKey(name string) string     { return "schedule." + name + ".run.*" }
func runKey(r schedule.Run) string {
	return "schedule." + r.Schedule + ".run." + strconv.FormatInt(r.Due.Unix(), 10)
}

// Begin writes a new run down, and forgets the oldest of its schedule.
func (s *Store) Begin(ctx context.Context, r schedule.Run) (schedule.Run, error) {
	data, err := encodeRun(r)
	if err != nil {
		return r, err
	}
	if r.Revision, err = s.write(ctx, runKey(r), data, 0); err != nil {
		return r, err
	}
	return r, s.forget(ctx, r.Schedule)
}

// Amend writes the next state of a run.
func (s *Store) Amend(ctx context.Context, r schedule.Run) (schedule.Run, error) {
	data, err := encodeRun(r)
	if err != nil {
		return r, err
	}
	r.Revision, err = s.write(ctx, runKey(r), data, r.Revision)
	return r, err
}

// Runs returns the runs of a schedule, the newest first.
func (s *Store) Runs(ctx context.Context, name string) ([]schedule.Run, error) {
	var runs []schedule.Run
	for s, err := range s.bus.Present(ctx, bus.BucketStream(bus.Config), bus.KeySubject(bus.Config, runsKey(name))) {
		var run schedule.Run
		if err == nil {
			run, err = decodeRun(s.Data, s.Sequence)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the runs of schedule %s: %w", name, err)
		}
		runs = append(runs, run)
	}
	slices.SortFunc(runs, func(x, y schedule.Run) int { return y.Due.Compare(x.Due) })
	return runs, nil
}

// Settings returns those of a schedule.
func (s *Store) Settings(ctx context.Context, name string) (schedule.Settings, error) {
	var entry jetstream.KeyValueEntry
	err := s.bus.Ask(ctx, func(ctx context.Context) (err error) { entry, err = s.kv.Get(ctx, settingsKey(name)); return err })
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return schedule.Settings{}, nil
	}
	if err != nil {
		return schedule.Settings{}, fmt.Errorf("cannot read the settings of schedule %s: %w", name, err)
	}
	return decodeSettings(entry.Value(), entry.Revision())
}

// Set writes settings.
func (s *Store) Set(ctx context.Context, settings schedule.Settings) (schedule.Settings, error) {
	data, err := encodeSettings(settings)
	if err != nil {
		return settings, err
	}
	settings.Revision, err = s.write(ctx, settingsKey(settings.Schedule), data, settings.Revision)
	return settings, err
}

// write changes a key from a revision; 0 is that of one which is not there.
func (s *Store) write(ctx context.Context, key string, data []byte, revision uint64) (next uint64, err error) {
	tries := 0
	err = s.bus.Ask(ctx, func(ctx context.Context) error {
		tries++
		next, err = s.kv.Update(ctx, key, data, revision)
		return err
	})
	switch {
	case err == nil:
		return next, nil
	case !errors.Is(err, jetstream.ErrKeyExists) && !errors.Is(err, jetstream.ErrKeyRevisionMismatch):
		return revision, fmt.Errorf("cannot write to the store of schedules: %w", err)
	case tries == 1:
		return revision, schedule.ErrConflict
	}
	return s.settle(ctx, key, data, revision)
}

// settle finds out whether what was written from a revision is what we had written
// before without being told so.
func (s *Store) settle(ctx context.Context, key string, data []byte, revision uint64) (next uint64, err error) {
	var now jetstream.KeyValueEntry
	err = s.bus.Ask(ctx, func(ctx context.Context) error {
		if now, err = s.kv.Get(ctx, key); errors.Is(err, jetstream.ErrKeyNotFound) || err == nil && now.Revision() <= revision {
			return bus.ErrBehind
		}
		return err
	})
	if err != nil {
		return revision, fmt.Errorf("cannot see what was written to the store of schedules: %w", err)
	}
	if !bytes.Equal(now.Value(), data) {
		return revision, schedule.ErrConflict
	}
	return now.Revision(), nil
}

// forget removes the runs of a schedule but the newest, those that are open, and the
// newest occurrence: occurrences up to that one were not missed. They leave no mark behind, as
// keys that are deleted would.
func (s *Store) forget(ctx context.Context, name string) error {
	runs, err := s.Runs(ctx, name)
	if err != nil || len(runs) <= kept {
		return err
	}
	last := slices.IndexFunc(runs, func(r schedule.Run) bool { return !r.Manual })
	for i, r := range runs[kept:] {
		if r.Outcome == schedule.Going || kept+i == last {
			continue
		}
		if err := s.purge(ctx, runKey(r)); err != nil {
			return fmt.Errorf("cannot forget %s: %w", r, err)
		}
	}
	return nil
}

func (s *Store) purge(ctx context.Context, key string) error {
	stream := s.bus.Stream(bus.BucketStream(bus.Config))
	return s.bus.Ask(ctx, func(ctx context.Context) error {
		return stream.Purge(ctx, jetstream.WithPurgeSubject(bus.KeySubject(bus.Config, key)))
	})
}
