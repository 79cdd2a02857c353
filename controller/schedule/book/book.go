// Package book keeps the runs and settings of schedules in the bucket "config"
// of the bus.
//
// A run is a key of its own, by its schedule and the second at which it was due.
// It is made with 0 as the expected sequence, which of two controllers one
// succeeds in, and changed only from the revision that the writer knows. What was
// acknowledged lasts; there is nothing to repair after a crash.
package book

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/aptfleet/aptfleet/controller/schedule"
)

// Bucket is the bucket that the keys below "schedule." are in.
const Bucket = "config"

// kept is how many runs of a schedule are kept.
const kept = 50

// Book is a schedule.Book on the bus. It may be used concurrently.
type Book struct {
	js jetstream.JetStream
	kv jetstream.KeyValue
}

var _ schedule.Book = (*Book)(nil)

// Open returns the book, with its bucket made if that is missing.
func Open(ctx context.Context, js jetstream.JetStream) (*Book, error) {
	kv, err := js.KeyValue(ctx, Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: Bucket, Storage: jetstream.FileStorage})
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open the book of schedules: %w", err)
	}
	return &Book{js, kv}, nil
}

func settingsKey(name string) string { return "schedule." + name + ".settings" }
func runsKey(name string) string     { return "schedule." + name + ".run.*" }
func runKey(r schedule.Run) string {
	return "schedule." + r.Schedule + ".run." + strconv.FormatInt(r.Due.Unix(), 10)
}

// Begin writes a new run down, and forgets the oldest of its schedule.
func (b *Book) Begin(ctx context.Context, r schedule.Run) (schedule.Run, error) {
	data, err := encodeRun(r)
	if err != nil {
		return r, err
	}
	if r.Revision, err = b.kv.Create(ctx, runKey(r), data); err != nil {
		return r, taken(err)
	}
	return r, b.forget(ctx, r.Schedule)
}

// Amend writes the next state of a run.
func (b *Book) Amend(ctx context.Context, r schedule.Run) (schedule.Run, error) {
	data, err := encodeRun(r)
	if err != nil {
		return r, err
	}
	r.Revision, err = b.write(ctx, runKey(r), data, r.Revision)
	return r, err
}

// Runs returns the runs of a schedule, the newest first.
func (b *Book) Runs(ctx context.Context, name string) ([]schedule.Run, error) {
	watcher, err := b.kv.Watch(ctx, runsKey(name), jetstream.IgnoreDeletes())
	if err != nil {
		return nil, fmt.Errorf("cannot read the runs of schedule %s: %w", name, err)
	}
	defer func() { _ = watcher.Stop() }() // it has been read to its end, or is lost
	var runs []schedule.Run
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("cannot read the runs of schedule %s: %w", name, context.Cause(ctx))
		case entry := <-watcher.Updates():
			if entry == nil { // there are no more by now
				slices.SortFunc(runs, func(x, y schedule.Run) int { return y.Due.Compare(x.Due) })
				return runs, nil
			}
			run, err := decodeRun(entry.Value(), entry.Revision())
			if err != nil {
				return nil, fmt.Errorf("cannot read the runs of schedule %s: %w", name, err)
			}
			runs = append(runs, run)
		}
	}
}

// Settings returns those of a schedule.
func (b *Book) Settings(ctx context.Context, name string) (schedule.Settings, error) {
	entry, err := b.kv.Get(ctx, settingsKey(name))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return schedule.Settings{}, nil
	}
	if err != nil {
		return schedule.Settings{}, fmt.Errorf("cannot read the settings of schedule %s: %w", name, err)
	}
	return decodeSettings(entry.Value(), entry.Revision())
}

// Set writes settings.
func (b *Book) Set(ctx context.Context, s schedule.Settings) (schedule.Settings, error) {
	data, err := encodeSettings(s)
	if err != nil {
		return s, err
	}
	s.Revision, err = b.write(ctx, settingsKey(s.Schedule), data, s.Revision)
	return s, err
}

// write changes a key from a revision; 0 is that of one which is not there.
func (b *Book) write(ctx context.Context, key string, data []byte, revision uint64) (uint64, error) {
	next, err := b.kv.Update(ctx, key, data, revision)
	if err != nil {
		return revision, taken(err)
	}
	return next, nil
}

// taken says in our words that another revision was expected.
func taken(err error) error {
	if errors.Is(err, jetstream.ErrKeyExists) {
		return schedule.ErrTaken
	}
	return fmt.Errorf("cannot write to the book of schedules: %w", err)
}

// forget removes the runs of a schedule but the newest, and those that are open.
// They leave no mark behind, as keys that are deleted would.
func (b *Book) forget(ctx context.Context, name string) error {
	runs, err := b.Runs(ctx, name)
	if err != nil || len(runs) <= kept {
		return err
	}
	stream, err := b.js.Stream(ctx, "KV_"+Bucket)
	if err != nil {
		return fmt.Errorf("cannot forget old runs of schedule %s: %w", name, err)
	}
	for _, r := range runs[kept:] {
		if r.Outcome == schedule.Going {
			continue
		}
		if err := stream.Purge(ctx, jetstream.WithPurgeSubject("$KV."+Bucket+"."+runKey(r))); err != nil {
			return fmt.Errorf("cannot forget %s: %w", r, err)
		}
	}
	return nil
}
