package bus

import (
	"log/slog"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// LimitedLog is a log of what others decide how often happens: of many messages it
// lets some through, and the next that it lets through says how many were left
// out. It may be used concurrently.
type LimitedLog struct {
	log  *slog.Logger
	rate *rate.Limiter
	left atomic.Int64
}

// NewLimitedLog returns a LimitedLog that passes twenty messages at once, and then one a
// second.
func NewLimitedLog(log *slog.Logger) *LimitedLog {
	return &LimitedLog{log: log, rate: rate.NewLimiter(1, 20)}
}

// Warn logs as slog does, or counts.
func (f *LimitedLog) Warn(message string, args ...any) {
	if !f.rate.Allow() {
		f.left.Add(1)
		return
	}
	if left := f.left.Swap(0); left > 0 {
		args = append(args, "left_out", left)
	}
	f.log.Warn(message, args...)
}
