package bus

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The buckets of keys and values, by what they hold.
const (
	Hosts  = "hosts"  // enrolled hosts and their agents' keys
	Config = "config" // settings, and what schedules did last
	Lease  = "lease"  // who leads; a key goes LeaseTime after it was written
	Marks  = "marks"  // how far streams have come: see Mark
)

// LeaseTime is how long what is in the bucket of leases counts. The server drops it
// up to 250 ms later.
const LeaseTime = 11 * time.Second

// BucketStream returns the name of the stream that a bucket is.
func BucketStream(bucket string) string { return "KV_" + bucket }

// KeySubject returns the subject in it of a key, or of keys as in "a.*".
func KeySubject(bucket, key string) string { return "$KV." + bucket + "." + key }

// buckets returns how each bucket is kept.
func buckets(replicas int) []jetstream.KeyValueConfig {
	return []jetstream.KeyValueConfig{
		{Bucket: Hosts, Storage: jetstream.FileStorage, Replicas: replicas},
		{Bucket: Config, Storage: jetstream.FileStorage, Replicas: replicas},
		{Bucket: Lease, Storage: jetstream.FileStorage, Replicas: replicas, TTL: LeaseTime},
		{Bucket: Marks, Storage: jetstream.FileStorage, Replicas: replicas},
	}
}

// Bucket returns one of the buckets.
func (b *Bus) Bucket(ctx context.Context, name string) (jetstream.KeyValue, error) {
	var kv jetstream.KeyValue
	err := b.Ask(ctx, func(ctx context.Context) (err error) { kv, err = b.js.KeyValue(ctx, name); return err })
	if err != nil {
		return nil, fmt.Errorf("cannot use bucket %s: %w", name, err)
	}
	return kv, nil
}

// Key makes a key of a bucket from any name; another name is another key.
// Letters, digits, "-" and "_" stand for themselves.
func Key(name string) string {
	var key strings.Builder
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			key.WriteByte(c)
		default:
			fmt.Fprintf(&key, "=%02X", c)
		}
	}
	return key.String()
}
