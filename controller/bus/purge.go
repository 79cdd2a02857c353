package bus

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// Purge takes away what a stream has of a subject before a sequence. It may be repeated,
// and one that a crash has cut short leaves any part of it. The server gives the
// space back within minutes, once half of a file is of no use any more, so that a process
// that ends before leaves that to the next.
func (b *Bus) Purge(ctx context.Context, stream, subject string, before uint64) error {
	return b.Ask(ctx, func(ctx context.Context) error {
		return b.Stream(stream).Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(before))
	})
}
