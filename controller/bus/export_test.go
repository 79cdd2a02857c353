package bus

import (
	"context"
	"errors"
)

// What the tests of clusters need of those inside the package: they use the rig
// of package bustest, which imports this one.
var (
	Awaits   = awaits
	Message  = message
	Count    = count
	NewAgent = newAgent
)

// Name returns the public key of an agent.
func (a agent) Name() string { return a.name }

// NextAfterLoss follows a subject with what nats-server takes for delivered lost on the
// way, and returns what is read of it in spite of that. Meanwhile there are heartbeats.
func NextAfterLoss(ctx context.Context, b *Bus, stream, subject string) (Stored, error) {
	f := &follower{bus: b, stream: stream, subject: subject, next: 1}
	other := &follower{bus: b, stream: stream, subject: subject + ".none", next: 1}
	if err := errors.Join(f.start(ctx), other.start(ctx)); err != nil {
		return Stored{}, err
	}
	defer f.stop()
	f.messages.Stop()
	f.messages = other.messages // which says that the server is there, and nothing else
	if _, err := f.place.Next(); err != nil {
		return Stored{}, err
	}
	return f.read(ctx)
}
