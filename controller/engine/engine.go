package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aptfleet/aptfleet/controller/rollout"
)

// Journal is all that the engine needs to know of where events go. Append
// returns once the event is durable, and may be called concurrently. The engine
// fills what an event says; time, author and order are the journal's.
type Journal interface {
	Append(ctx context.Context, e rollout.Event) error
}

// Engine runs steps on hosts. Its fields are set before the first use.
type Engine struct {
	Journal Journal
	Log     *slog.Logger  // nil is slog.Default
	Grace   time.Duration // how long hosts may still work once the context is cancelled; 0 is until they are done
}

// errJournal is wrapped by what Run returns when the journal refused an event.
var errJournal = errors.New("the journal takes no more events")

func (e *Engine) log() *slog.Logger {
	if e.Log == nil {
		return slog.Default()
	}
	return e.Log
}
