package bus

import (
	"context"
	"errors"
	"fmt"
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
)

// streams returns how each stream is kept. Hosts are named in payloads and not
// in subjects, which would cost memory for every host of every night.
func streams() []jetstream.StreamConfig {
	return []jetstream.StreamConfig{
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
			Compression: jetstream.S2Compression,
			MaxAge:      90 * 24 * time.Hour,
			MaxBytes:    2 << 30, // the oldest go first
		},
	}
}

// ensureStreams makes the streams that are missing. One that the store had and
// the server did not recover is damage, and making it anew would hide it.
func (b *Bus) ensureStreams(ctx context.Context, known []string) error {
	for _, config := range streams() {
		_, err := b.js.Stream(ctx, config.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			if slices.Contains(known, config.Name) {
				return fmt.Errorf("its store is damaged: stream %s is on the disk and cannot be recovered: %w", config.Name, b.log.failure())
			}
			_, err = b.js.CreateStream(ctx, config)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("cannot use stream %s: %w", config.Name, err), b.log.failure())
		}
	}
	return nil
}

// storedStreams lists the streams that the store has on the disk.
func storedStreams(store string) []string {
	entries, err := os.ReadDir(filepath.Join(store, "jetstream", "$G", "streams"))
	if err != nil {
		return nil // a new store; anything else the server will say
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}
