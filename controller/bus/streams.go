package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The streams, by what they hold.
const (
	Journal = "JOURNAL" // j.<rollout>.ctl, j.<rollout>.res: events of rollouts
	Logs    = "LOGS"    // l.<rollout>.<shard>: logs of jobs on hosts
	Audit   = "AUDIT"   // a.log: who did what, or was refused, besides rollouts
	Tasks   = "TASKS"   // t.<rollout>: hosts that workers are to do; on a cluster only
)

// streams returns how each stream is kept. Hosts are named in payloads and not
// in subjects, which would cost memory for every host of every night. None is
// compressed: nats-server 2.15 can't read the newest block of such a stream any more
// ("s2: corrupt input") after some of its nodes were killed.
func streams(replicas int) []jetstream.StreamConfig {
	configs := []jetstream.StreamConfig{
		{
			Name:               Journal,
			Subjects:           []string{"j.>"},
			Storage:            jetstream.FileStorage,
			Duplicates:         time.Hour, // kept in memory, hence not longer
			DenyDelete:         true,
			AllowAtomicPublish: true,
		},
		{
			Name:        Logs,
			Subjects:    []string{"l.>"},
			Storage:     jetstream.FileStorage,
			PersistMode: jetstream.AsyncPersistMode,
			MaxAge:      90 * 24 * time.Hour,
			MaxBytes:    2 << 30, // the oldest go first
		},
		{
			// Anybody who reaches the daemon can fill it, with what is refused; it
			// must not fill the disk.
			Name:       Audit,
			Subjects:   []string{"a.>"},
			Storage:    jetstream.FileStorage,
			MaxAge:     2 * 365 * 24 * time.Hour,
			MaxBytes:   64 << 20,
			DenyDelete: true,
		},
	}
	if replicas > 1 { // workers come where there is a cluster
		configs = append(configs, jetstream.StreamConfig{
			Name:      Tasks,
			Subjects:  []string{TaskSubject(">")},
			Storage:   jetstream.FileStorage,
			Retention: jetstream.WorkQueuePolicy,
			MaxAge:    24 * time.Hour, // whoever waited for it has done it himself by then
		})
	}
	for i := range configs {
		configs[i].Replicas = replicas
		if replicas > 1 {
			configs[i].PersistMode = jetstream.DefaultPersistMode // the servers have no other then
		}
	}
	return configs
}

// ensureStreams makes the streams and buckets that are missing.
func (b *Bus) ensureStreams(ctx context.Context, store string, known []string) error {
	made := false
	b.streams = map[string]jetstream.Stream{}
	ensure := func(name string, create func(context.Context) (jetstream.Stream, error)) error {
		err := b.Ask(ctx, func(ctx context.Context) (err error) { b.streams[name], err = b.js.Stream(ctx, name); return err })
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			if err := b.mayMake(name, known); err != nil {
				return err
			}
			made = true
			err = b.Ask(ctx, func(ctx context.Context) (err error) { b.streams[name], err = create(ctx); return err })
		}
		if err != nil {
			return errors.Join(fmt.Errorf("cannot use stream %s: %w", name, err), b.Failure())
		}
		return nil
	}
	for _, config := range streams(b.replicas) {
		if err := ensure(config.Name, func(ctx context.Context) (jetstream.Stream, error) { return b.js.CreateStream(ctx, config) }); err != nil {
			return err
		}
		if err := b.adaptStream(ctx, config.Name); err != nil {
			return fmt.Errorf("cannot change stream %s: %w", config.Name, err)
		}
	}
	for _, config := range buckets(b.replicas) {
		name := BucketStream(config.Bucket)
		if err := ensure(name, func(ctx context.Context) (jetstream.Stream, error) { return b.createBucket(ctx, config) }); err != nil {
			return err
		}
		if err := b.adaptBucket(ctx, name, config); err != nil {
			return fmt.Errorf("cannot change bucket %s: %w", config.Bucket, err)
		}
	}
	if made && b.server != nil {
		if err := syncTree(store); err != nil {
			return err
		}
	}
	return b.reckon(ctx, Journal)
}

func (b *Bus) createBucket(ctx context.Context, config jetstream.KeyValueConfig) (jetstream.Stream, error) {
	if _, err := b.js.CreateKeyValue(ctx, config); err != nil {
		return nil, err
	}
	return b.js.Stream(ctx, BucketStream(config.Bucket))
}

// adaptStream has a stream compress no more, as an earlier version let it. What is
// compressed already stays readable.
func (b *Bus) adaptStream(ctx context.Context, name string) error {
	is := b.streams[name].CachedInfo().Config
	if is.Compression == jetstream.NoCompression {
		return nil
	}
	is.Compression = jetstream.NoCompression
	return b.update(ctx, name, is)
}

// adaptBucket has a bucket kept as it is to be. An earlier version kept keys for
// another time. And any node of a cluster answers what a key is, also one that is
// behind, unless only the leader may: who has written a key has to read that.
func (b *Bus) adaptBucket(ctx context.Context, name string, config jetstream.KeyValueConfig) error {
	is := b.streams[name].CachedInfo().Config
	direct := is.AllowDirect && b.Embedded()
	if is.MaxAge == config.TTL && is.AllowDirect == direct {
		return nil
	}
	is.MaxAge, is.AllowDirect = config.TTL, direct
	if config.TTL > 0 {
		is.Duplicates = min(is.Duplicates, config.TTL)
	}
	return b.update(ctx, name, is)
}

func (b *Bus) update(ctx context.Context, name string, is jetstream.StreamConfig) error {
	return b.Ask(ctx, func(ctx context.Context) (err error) { b.streams[name], err = b.js.UpdateStream(ctx, is); return err })
}

// Stream returns one of the streams, also that of a bucket. What it has cached of
// itself is from when the bus was opened.
func (b *Bus) Stream(name string) jetstream.Stream { return b.streams[name] }

// mayMake refuses to make a stream anew that the store had and the server did
// not recover, since that would hide the damage. Logs are not worth that, which
// the hosts have, nor are leases, which would be over by now, or marks, without which
// nothing is lost.
func (b *Bus) mayMake(name string, known []string) error {
	if name == Logs || name == BucketStream(Lease) || name == BucketStream(Marks) || !slices.Contains(known, name) {
		return nil
	}
	return fmt.Errorf("its store is damaged: stream %s is on the disk and cannot be recovered: %w", name, b.log.reason())
}

// syncTree makes a folder and all that is in it durable. The server syncs what
// it writes to a stream, but not everything that it makes along with one, and a
// power cut soon after could leave a stream that is there and has no settings.
func syncTree(folder string) error {
	for dir := folder; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		err := syncPath(dir)
		if errors.Is(err, fs.ErrPermission) {
			break // we did not make it
		}
		if err != nil {
			return err
		}
	}
	return filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncPath(path)
	})
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// storedStreams lists the streams of which the store has messages on the disk.
// One without any may be what a crash left of making it.
func storedStreams(store, account string) []string {
	blocks, err := filepath.Glob(filepath.Join(store, "jetstream", account, "streams", "*", "msgs", "*.blk"))
	if err != nil {
		return nil // the pattern is a constant
	}
	var names []string
	for _, block := range blocks {
		if info, err := os.Stat(block); err == nil && info.Size() > 0 {
			names = append(names, filepath.Base(filepath.Dir(filepath.Dir(block))))
		}
	}
	return names
}
